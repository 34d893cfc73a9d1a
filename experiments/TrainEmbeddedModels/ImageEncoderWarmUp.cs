using PatchDpo.Torch.Images;
using PatchDpo.Torch.Loop;
using ProceduralCharacters;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TrainEmbeddedModels;

/// <summary>
/// Teaches the image encoder and the Resampler to see parts before the diffusion training: two tokens a part must give the
/// part's colours and texture. Learnt from the diffusion loss alone, this takes many times as long.
/// </summary>
internal static class ImageEncoderWarmUp
{
    private const int Batch = 64;
    private const int PoolSize = 8000;
    private const int FullSteps = 1200;
    private const int Textures = 5;

    public static void Run(TrainingContext context, GeneratorModels models)
    {
        Character[] characters = Enumerable.Range(2_000_000, PoolSize).Select(i => Character.Random(i)).ToArray();
        using Tensor pool = PixelPool.Pack(characters.AsParallel().AsOrdered().Select(c => CharacterRenderer.RenderReference(c).Image).ToArray());
        using Tensor colors = tensor(characters.SelectMany(c => c.Parts.SelectMany(p => Rgb(p.Color).Concat(Rgb(p.SecondColor)))).ToArray(),
            [PoolSize, Character.PartCount, 6]);
        using Tensor textures = tensor(characters.SelectMany(c => c.Parts.Select(p => (long)p.Texture)).ToArray(), [PoolSize, Character.PartCount]);
        using Linear head = Linear(2 * models.Resampler.Options.OutputChannels, 6 + Textures);
        var order = new RowOrder(PoolSize, new TrainingDraws(context.Seed + 1));
        var training = new StageTraining("image_encoder", context.Steps(FullSteps), 1e-3, EmaDecay: 0.99, Every: 200);
        training.Run(context, [models.ImageEncoder, models.Resampler, head], step =>
        {
            Tensor index = tensor(order.At((step - 1L) * Batch, Batch));
            Tensor output = Predict(models, head, pool.index_select(0, index), ScalarType.BFloat16);
            return Loss(output, colors.index_select(0, index), textures.index_select(0, index));
        });
        using IDisposable noGrad = no_grad();
        using DisposeScope last = NewDisposeScope();
        Tensor sample = arange(256);
        Tensor predicted = Predict(models, head, pool.index_select(0, sample), ScalarType.Float32);
        double error = (predicted[.., .., ..3] - colors.index_select(0, sample)[.., .., ..3]).abs().mean().item<float>();
        context.Log($"image encoder: mean error of a part's colour {error * 255:F1} of 255");
    }

    private static Tensor Predict(GeneratorModels models, Linear head, Tensor bytes, ScalarType dtype)
    {
        using Tensor pixels = PixelPool.Normalize(bytes, PixelNormalization.Clip).to(dtype);
        Tensor tokens = models.Resampler.call(models.ImageEncoder.call(pixels).PenultimateHiddenState);
        return head.call(tokens.reshape(tokens.shape[0], Character.PartCount, -1)).to(ScalarType.Float32);
    }

    // The second colour says nothing of a plain part.
    private static Tensor Loss(Tensor output, Tensor colors, Tensor textures)
    {
        Tensor textured = textures.ne((long)Texture.Plain).to(ScalarType.Float32).unsqueeze(-1);
        Tensor difference = (output[.., .., ..6] - colors).abs();
        Tensor first = difference[.., .., ..3].mean();
        Tensor second = (difference[.., .., 3..6] * textured).mean();
        Tensor kind = functional.cross_entropy(output[.., .., 6..].reshape(-1, Textures), textures.reshape(-1));
        return first + second + 0.2 * kind;
    }

    private static IEnumerable<float> Rgb(int color) => [((color >> 16) & 255) / 255f, ((color >> 8) & 255) / 255f, (color & 255) / 255f];
}
