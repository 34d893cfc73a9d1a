using PatchDpo.Torch.Foundation;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Adapters.MsDiffusion;

/// <summary>Boxes as sines and cosines of several frequencies: <c>(R,4) -> (R,64)</c>.</summary>
/// <remarks>MS-Diffusion, FourierEmbedder: frequency 100^(i/8), i = 0..7, without 2 pi; frequency, then sine and cosine, then coordinate.</remarks>
internal static class FourierBoxes
{
    private const int Frequencies = 8;
    private const double Temperature = 100;

    /// <summary>How many numbers a box becomes.</summary>
    public const int Width = Frequencies * 2 * 4;

    /// <summary>Computes them, in float32 whatever the boxes are.</summary>
    public static Tensor Of(Tensor boxes)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor frequencies = tensor([.. Enumerable.Range(0, Frequencies).Select(i => (float)Math.Pow(Temperature, (double)i / Frequencies))],
            device: boxes.device).unsqueeze(1);
        Tensor angles = boxes.to(ScalarType.Float32).unsqueeze(1).Times(frequencies);
        return stack([angles.sin(), angles.cos()], 2).flatten(1).MoveToOuterDisposeScope();
    }
}
