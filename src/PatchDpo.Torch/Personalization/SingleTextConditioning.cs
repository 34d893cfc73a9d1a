using PatchDpo.Torch.Adapters;
using PatchDpo.Torch.Clip;
using PatchDpo.Torch.Diffusion;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Personalization;

/// <summary>Stable Diffusion 1.5's text: the last hidden state of one encoder, after its final norm.</summary>
/// <remarks>diffusers 0.23.1, StableDiffusionPipeline.encode_prompt; padded positions are attended to like all others.</remarks>
internal sealed class SingleTextConditioning(TextTower tower) : ITextConditioning
{
    public int Width => tower.Encoder.Config.HiddenSize;

    public int? PooledWidth => null;

    public IReadOnlyList<TextTower> Towers { get; } = [tower];

    public TextConditions Encode(IReadOnlyList<string> prompts)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor states = tower.Encode(prompts).LastHiddenState;
        tower.Check(states);
        return new TextConditions(states.MoveToOuterDisposeScope());
    }

    public void Dispose() => tower.Dispose();
}
