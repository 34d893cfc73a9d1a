using PatchDpo.Torch.Foundation;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Diffusion.Blocks;

/// <summary>Sinusoidal embedding of numbers, always computed in float32: <c>(N) -> (N,dimension)</c>.</summary>
/// <remarks>diffusers 0.23.1, models/embeddings.py, get_timestep_embedding.</remarks>
internal sealed class Timesteps(int dimension, bool cosineFirst, double frequencyShift)
{
    public Tensor Embed(Tensor values)
    {
        using DisposeScope scope = NewDisposeScope();
        int half = dimension / 2;
        Tensor exponent = TensorArithmetic.Range(half, ScalarType.Float32, values.device).Times(-Math.Log(10000));
        Tensor angles = values.to_type(ScalarType.Float32).unsqueeze(1) * exponent.DividedBy(half - frequencyShift).exp().unsqueeze(0);
        (Tensor? sine, Tensor? cosine) = (angles.sin(), angles.cos());
        Tensor embedding = cosineFirst ? cat([cosine, sine], 1) : cat([sine, cosine], 1);
        if (dimension % 2 == 1)
            embedding = nn.functional.pad(embedding, [0, 1]);
        return embedding.MoveToOuterDisposeScope();
    }
}
