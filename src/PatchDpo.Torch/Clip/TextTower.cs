using PatchDpo.Torch.Foundation;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Clip;

/// <summary>A text encoder with its tokenizer.</summary>
internal sealed record TextTower(ClipTextEncoder Encoder, ClipTokenizer Tokenizer) : IDisposable
{
    /// <summary>Pads prompts to the tokenizer's length and encodes them, without gradients; the caller disposes the output.</summary>
    public ClipTextOutput Encode(IReadOnlyList<string> prompts)
    {
        using Tensor ids = Tokenizer.EncodeBatch(prompts);
        using Tensor onDevice = ids.to(Encoder.Device);
        return Encoder.Encode(onDevice);
    }

    /// <summary>Checks what the encoder gave, a row a prompt.</summary>
    /// <exception cref="NonFiniteOutputException">Nothing can be computed with it.</exception>
    public void Check(Tensor states) => FiniteOutput.Check(states, "The text encoder", Encoder, "text states", i => $"prompt {i}");

    public void Dispose() => Encoder.Dispose();
}
