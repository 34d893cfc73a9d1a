using PatchDpo.Torch.Images;
using PatchDpo.Torch.Loop;
using PatchDpo.Torch.Vision.Dino;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TrainEmbeddedModels;

/// <summary>
/// Trains the evaluation's DINO: class tokens whose cosine is the share of parts that look the same, whatever the scene and
/// the pose. Independent of the generator's encoders: other weights, other characters.
/// </summary>
internal static class DinoStage
{
    private const int Batch = 32;
    private const int PoolSize = 6000;
    private const int FullSteps = 2000;
    private static readonly DinoConfig Config = new() { ImageSize = 64, PatchSize = 8, EmbedDim = 96, Depth = 4, NumHeads = 3, IntermediateSize = 192 };

    public static void Run(TrainingContext context)
    {
        random.manual_seed(context.Seed + 10);
        using ViewPool pool = ViewPool.Draw(PoolSize, 5_000_000);
        using var model = new DinoVisionTransformer(Config);
        var order = new RowOrder(PoolSize, new TrainingDraws(context.Seed + 10));
        new StageTraining("dino", context.Steps(FullSteps), 1e-3, EmaDecay: 0.99, Every: 200).Run(context, [model], Loss);
        Report(context, model);
        TrainingContext.WriteModel(context.OutputFolder("eval_dino"), "model.safetensors", ConfigJson(Config), model);

        Tensor Loss(int step)
        {
            Tensor index = tensor(order.At((step - 1L) * Batch, Batch));
            (Tensor a, Tensor b, Tensor c) = Embed(model, pool, index, ScalarType.BFloat16);
            Tensor similarity = a.matmul(b.t());
            Tensor apart = functional.cross_entropy(similarity / 0.1, arange(Batch));
            // Other characters share no part; a changed one shares some of its eight.
            Tensor graded = (similarity - eye(Batch)).square().mean() + (similarity.diagonal() - 1).square().mean()
                + ((a * c).sum(1) - pool.SharedParts.index_select(0, index)).square().mean();
            return apart + 4 * graded;
        }
    }

    /// <summary>DINO's configuration in transformers' ViTConfig form.</summary>
    public static object ConfigJson(DinoConfig config) => new
    {
        architectures = new[] { "ViTModel" },
        hidden_act = "gelu",
        hidden_size = config.EmbedDim,
        image_size = config.ImageSize,
        intermediate_size = config.IntermediateSize,
        layer_norm_eps = config.NormEps,
        model_type = "vit",
        num_attention_heads = config.NumHeads,
        num_channels = 3,
        num_hidden_layers = config.Depth,
        patch_size = config.PatchSize,
        qkv_bias = config.QkvBias,
    };

    private static (Tensor Reference, Tensor Scene, Tensor Changed) Embed(DinoVisionTransformer model, ViewPool pool, Tensor index, ScalarType dtype)
    {
        Tensor pixels = cat([pool.References.index_select(0, index), pool.Scenes.index_select(0, index), pool.Changed.index_select(0, index)]);
        Tensor features = model.call(PixelPool.Normalize(pixels, PixelNormalization.ImageNet).to(dtype)).to(ScalarType.Float32);
        Tensor[] parts = functional.normalize(features, dim: 1).chunk(3);
        return (parts[0], parts[1], parts[2]);
    }

    private static void Report(TrainingContext context, DinoVisionTransformer model)
    {
        const int Held = 256;
        using IDisposable noGrad = no_grad();
        using DisposeScope scope = NewDisposeScope();
        using ViewPool pool = ViewPool.Draw(Held, 9_100_000);
        (Tensor a, Tensor b, Tensor c) = Embed(model, pool, arange(Held), ScalarType.Float32);
        Tensor similarity = a.matmul(b.t());
        double retrieval = similarity.argmax(1).eq(arange(Held)).to(ScalarType.Float32).mean().item<float>();
        Tensor changed = (a * c).sum(1);
        double ranked = similarity.diagonal().gt(changed).to(ScalarType.Float32).mean().item<float>();
        double error = (changed - pool.SharedParts).abs().mean().item<float>();
        double same = similarity.diagonal().mean().item<float>();
        context.Log($"dino: held out: scene found among {Held} by its reference {retrieval:P1}; unchanged above changed {ranked:P1}; cosine {same:F3} to the same, mean error of the share of parts {error:F3}");
    }
}
