using PatchDpo.Torch.Foundation;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Diffusion.Blocks;

/// <summary>Sinusoidal embedding of numbers, always computed in float32: <c>(N) -> (N,dimension)</c>.</summary>
/// <remarks>diffusers 0.23.1, models/embeddings.py, get_timestep_embedding.</remarks>
internal sealed class Timesteps(int dimension, bool cosineFirst, double frequencyShift)
{
    public Tensor Embed(Tensor values)
    {
        using var scope = NewDisposeScope();
        var half = dimension / 2;
        var exponent = TensorArithmetic.Range(half, ScalarType.Float32, values.device).Times(-Math.Log(10000));
        var angles = values.to_type(ScalarType.Float32).unsqueeze(1) * exponent.DividedBy(half - frequencyShift).exp().unsqueeze(0);
        var (sine, cosine) = (angles.sin(), angles.cos());
        var embedding = cosineFirst ? cat([cosine, sine], 1) : cat([sine, cosine], 1);
        if (dimension % 2 == 1)
            embedding = nn.functional.pad(embedding, [0, 1]);
        return embedding.MoveToOuterDisposeScope();
    }
}
