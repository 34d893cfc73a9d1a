using PatchDpo.Torch.Clip;
using PatchDpo.Torch.Diffusion.Vae;
using PatchDpo.Torch.Images;
using ProceduralCharacters;
using TorchSharp;
using static TorchSharp.torch;

namespace TrainEmbeddedModels;

/// <summary>
/// Drawn and encoded training samples: text ids, the encoder states of each object's reference <c>(count,objects,N,D)</c>, the target's latents.
/// </summary>
internal sealed record GeneratorPool(Tensor Ids, Tensor EmptyIds, Tensor ReferenceStates, Tensor DroppedState, Tensor Latents) : IDisposable
{
    private const int Chunk = 64;

    public int Count => (int)Latents.shape[0];

    /// <summary>Draws and encodes; all samples have equally many references. The modules are float32.</summary>
    public static GeneratorPool Create(int count, int firstSeed, Func<int, GeneratorSample> draw, GeneratorModels models, AutoencoderKL vae,
        ClipTokenizer tokenizer)
    {
        using IDisposable noGrad = no_grad();
        var latents = new List<Tensor>();
        var states = new List<Tensor>();
        var prompts = new List<string>();
        models.ImageEncoder.to(ScalarType.BFloat16);
        vae.to(ScalarType.BFloat16);
        for (int start = 0; start < count; start += Chunk)
        {
            using DisposeScope scope = NewDisposeScope();
            GeneratorSample[] drawn = Enumerable.Range(firstSeed + start, Math.Min(Chunk, count - start)).AsParallel().AsOrdered().Select(draw).ToArray();
            prompts.AddRange(drawn.Select(d => d.Text));
            Tensor references = PixelPool.Normalize(PixelPool.Pack(drawn.SelectMany(d => d.References).ToArray()), PixelNormalization.Clip);
            Tensor encoded = models.ImageEncoder.PenultimateHiddenStates(references.to(ScalarType.BFloat16));
            states.Add(encoded.reshape(drawn.Length, -1, encoded.shape[1], encoded.shape[2]).DetachFromDisposeScope());
            Tensor targets = PixelPool.MinusOneToOne(PixelPool.Pack(drawn.Select(d => d.Target).ToArray()));
            latents.Add((vae.EncodeMean(targets.to(ScalarType.BFloat16)).to(ScalarType.Float32) * vae.ScalingFactor).DetachFromDisposeScope());
        }

        using DisposeScope last = NewDisposeScope();
        Tensor dropped = models.ImageEncoder.PenultimateHiddenStates(zeros([1, 3, CharacterRenderer.Size, CharacterRenderer.Size], ScalarType.BFloat16));
        models.ImageEncoder.to(ScalarType.Float32);
        vae.to(ScalarType.Float32);
        var pool = new GeneratorPool(
            tokenizer.EncodeBatch(prompts).DetachFromDisposeScope(),
            tokenizer.EncodeBatch([""]).DetachFromDisposeScope(),
            cat(states).DetachFromDisposeScope(),
            dropped.DetachFromDisposeScope(),
            cat(latents).DetachFromDisposeScope());
        foreach (Tensor tensor in states.Concat(latents))
            tensor.Dispose();
        return pool;
    }

    public void Dispose()
    {
        Ids.Dispose();
        EmptyIds.Dispose();
        ReferenceStates.Dispose();
        DroppedState.Dispose();
        Latents.Dispose();
    }
}
