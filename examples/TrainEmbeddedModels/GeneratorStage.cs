using PatchDpo.Torch.Diffusion;
using PatchDpo.Torch.Text;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TrainEmbeddedModels;

/// <summary>Trains the generator: text encoders, Resampler, UNet and the image cross-attention together, from the start.</summary>
internal static class GeneratorStage
{
    private const int Batch = 24;
    private const int PoolSize = 16_000;
    private const int FullSteps = 5600;
    private const double LearningRate = 1.5e-3;

    public static void Run(TrainingContext context)
    {
        random.manual_seed(context.Seed + 1);
        ClipTokenizer tokenizer = ClipTokenizer.FromFolder(context.OutputFolder("generator", "tokenizer"));
        using AutoencoderKL vae = AutoencoderKL.FromFolder(context.OutputFolder("generator", "vae"));
        using var models = new GeneratorModels(tokenizer.VocabularySize);
        StartAsIdentity(models.UNet);
        ImageEncoderWarmUp.Run(context, models);
        random.manual_seed(context.Seed + 2);
        using GeneratorPool pool = GeneratorPool.Create(Math.Max(256, context.Steps(PoolSize)), 3_000_000, models, vae, tokenizer);
        context.Log($"generator: {pool.Count} samples drawn and encoded");

        int steps = context.Steps(FullSteps);
        using var optimizer = new MixedPrecisionAdamW(models.Trained, LearningRate, steps, emaDecay: 0.995, warmup: 200);
        const string checkpoint = "generator.checkpoint.safetensors";
        optimizer.TryLoad(context.WorkFile(checkpoint));
        context.Log($"generator: {optimizer.ParameterCount:N0} parameters, {steps} steps");
        var progress = new StageProgress(context, "generator", optimizer, checkpoint);
        while (optimizer.Steps < steps)
        {
            double loss = GeneratorStep.Backward(models, pool, Batch);
            optimizer.Step();
            progress.Add(loss);
        }

        optimizer.Finish(models.Trained);
        models.Write(context);
    }

    /// <summary>Zeroes each block's last layer, so that training starts from a network that changes nothing.</summary>
    private static void StartAsIdentity(nn.Module unet)
    {
        using IDisposable noGradient = no_grad();
        foreach ((string name, Parameter parameter) in unet.named_parameters())
        {
            if (name.Contains(".conv2.", StringComparison.Ordinal) || name.Contains(".proj_out.", StringComparison.Ordinal) || name.StartsWith("conv_out.", StringComparison.Ordinal))
                parameter.zero_();
        }
    }
}
