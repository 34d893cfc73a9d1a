using PatchDpo.Torch.Adapters;
using PatchDpo.Torch.Clip;
using PatchDpo.Torch.Diffusion;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Personalization;

/// <summary>SDXL's text: the penultimate hidden states of two encoders side by side, and the second's projected text.</summary>
/// <remarks>diffusers 0.23.1, StableDiffusionXLPipeline.encode_prompt.</remarks>
/// <param name="first">The smaller encoder.</param>
/// <param name="second">The larger one, with a projection.</param>
internal sealed class DualTextConditioning(TextTower first, TextTower second) : ITextConditioning
{
    public int Width => first.Encoder.Config.HiddenSize + second.Encoder.Config.HiddenSize;

    public int? PooledWidth => second.Encoder.Config.ProjectionDim;

    public IReadOnlyList<TextTower> Towers { get; } = [first, second];

    public TextConditions Encode(IReadOnlyList<string> prompts)
    {
        using DisposeScope scope = NewDisposeScope();
        ClipTextOutput firstOutput = first.Encode(prompts), secondOutput = second.Encode(prompts);
        first.Check(firstOutput.PenultimateHiddenState);
        second.Check(secondOutput.PenultimateHiddenState);
        second.Check(secondOutput.TextEmbeds!);
        Tensor states = cat([firstOutput.PenultimateHiddenState, secondOutput.PenultimateHiddenState], -1);
        return new TextConditions(states.MoveToOuterDisposeScope(), secondOutput.TextEmbeds!.MoveToOuterDisposeScope());
    }

    public void Dispose()
    {
        first.Dispose();
        second.Dispose();
    }
}
