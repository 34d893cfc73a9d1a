using PatchDpo.Torch.Diffusion;
using TorchSharp;
using static TorchSharp.torch;

namespace TrainEmbeddedModels;

/// <summary>Sharpens the autoencoder's decoder; its encoder, and with it every latent that the generator knows, stays as it is.</summary>
internal static class DecoderStage
{
    private const int Batch = 8;
    private const int PoolSize = 8000;
    private const int FullSteps = 1000;
    private const double LearningRate = 1.5e-3;
    // Of the latents' deviation: generated latents are never exact.
    private const double LatentNoise = 0.03;

    public static void Run(TrainingContext context)
    {
        random.manual_seed(context.Seed + 5);
        using AutoencoderKL vae = AutoencoderKL.FromFolder(context.OutputFolder("generator", "vae"));
        using Tensor pool = VaeStage.RenderPool(PoolSize, 1_500_000);
        using Tensor latents = Encode(vae, pool);
        nn.Module[] decoder = vae.named_children().Where(c => c.name is "decoder" or "post_quant_conv").Select(c => c.module).ToArray();
        int steps = context.Steps(FullSteps);
        using var optimizer = new MixedPrecisionAdamW(decoder, LearningRate, steps, emaDecay: 0.995, warmup: 50);
        const string checkpoint = "decoder.checkpoint.safetensors";
        optimizer.TryLoad(context.WorkFile(checkpoint));
        context.Log($"decoder: {optimizer.ParameterCount:N0} parameters, {steps} steps");
        var progress = new StageProgress(context, "decoder", optimizer, checkpoint);
        while (optimizer.Steps < steps)
        {
            using var scope = NewDisposeScope();
            Tensor index = randint(0, PoolSize, [Batch]);
            Tensor images = PixelPool.MinusOneToOne(pool.index_select(0, index));
            Tensor input = latents.index_select(0, index);
            input = input + randn_like(input) * (LatentNoise / vae.ScalingFactor);
            Tensor loss = VaeStage.ReconstructionLoss(vae.Decode(input.to(ScalarType.BFloat16)).to(ScalarType.Float32), images);
            loss.backward();
            optimizer.Step();
            progress.Add(loss.item<float>());
        }

        optimizer.Finish(decoder);
        VaeStage.Export(context, vae, vae.ScalingFactor);
    }

    private static Tensor Encode(AutoencoderKL vae, Tensor pool)
    {
        using IDisposable noGradient = no_grad();
        using var scope = NewDisposeScope();
        vae.to(ScalarType.BFloat16);
        var means = new List<Tensor>();
        foreach (Tensor chunk in pool.split(64))
        {
            using var inner = NewDisposeScope();
            means.Add(vae.EncodeMean(PixelPool.MinusOneToOne(chunk).to(ScalarType.BFloat16)).to(ScalarType.Float32).MoveToOuterDisposeScope());
        }

        vae.to(ScalarType.Float32);
        return cat(means).MoveToOuterDisposeScope();
    }
}
