using PatchDpo.Torch.Clip;
using PatchDpo.Torch.Diffusion.Vae;
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
    private const int VariedPoolSize = 10_000;
    private const int PairPoolSize = 6000;
    private const int VariedSteps = 2400;
    private const double VariedLearningRate = 8e-4;

    /// <summary>One character an image.</summary>
    public static void Run(TrainingContext context)
    {
        random.manual_seed(context.Seed + 1);
        ClipTokenizer tokenizer = ClipTokenizer.FromFolder(context.OutputFolder("generator", "tokenizer"));
        using AutoencoderKL vae = AutoencoderKL.FromFolder(context.OutputFolder("generator", "vae"));
        using var models = new GeneratorModels(tokenizer.VocabularySize);
        StartAsIdentity(models.UNet);
        ImageEncoderWarmUp.Run(context, models);
        random.manual_seed(context.Seed + 2);
        Train(context, models, new StageTraining("generator", context.Steps(FullSteps), LearningRate, EmaDecay: 0.995, Warmup: 200), context.Seed + 2,
            () => [GeneratorPool.Create(context.Steps(PoolSize), 3_000_000, GeneratorSample.Basic, models, vae, tokenizer)]);
        models.Write(context);
    }

    /// <summary>
    /// Goes on with the written generator, on what asks more: small characters, and two in one image, each with its own set of image prompt tokens.
    /// </summary>
    public static void Resume(TrainingContext context)
    {
        VaeStage.Resume(context);
        random.manual_seed(context.Seed + 4);
        ClipTokenizer tokenizer = ClipTokenizer.FromFolder(context.OutputFolder("generator", "tokenizer"));
        using AutoencoderKL vae = AutoencoderKL.FromFolder(context.OutputFolder("generator", "vae"));
        using var models = new GeneratorModels(tokenizer.VocabularySize);
        models.Read(context);
        Train(context, models, new StageTraining("varied", context.Steps(VariedSteps), VariedLearningRate, EmaDecay: 0.995), context.Seed + 4,
            () => [GeneratorPool.Create(context.Steps(VariedPoolSize), 3_200_000, GeneratorSample.Varied, models, vae, tokenizer),
                GeneratorPool.Create(context.Steps(PairPoolSize), 3_400_000, GeneratorSample.Pair, models, vae, tokenizer)]);
        models.Write(context);
        GeneratorModels.WriteIndex(context);
    }

    /// <summary>The pool that a step takes: of two, the second every third time.</summary>
    public static GeneratorPool Choose(GeneratorPool[] pools, int step) => step % 3 == 0 ? pools[^1] : pools[0];

    private static void Train(TrainingContext context, GeneratorModels models, StageTraining training, int seed, Func<GeneratorPool[]> draw)
    {
        // Drawn and encoded at the first step, which a stage that is done has not.
        var pools = new Lazy<GeneratorPool[]>(draw);
        var step = new GeneratorStep(models, Batch, seed);
        training.Run(context, models.Trained, number => step.Loss(Choose(pools.Value, number), number));
        if (pools.IsValueCreated)
        {
            foreach (GeneratorPool pool in pools.Value)
                pool.Dispose();
        }
    }

    /// <summary>Zeroes each block's last layer, so that training starts from a network that changes nothing.</summary>
    private static void StartAsIdentity(nn.Module unet)
    {
        using IDisposable noGrad = no_grad();
        foreach ((string name, Parameter parameter) in unet.named_parameters())
        {
            if (name.Contains(".conv2.", StringComparison.Ordinal) || name.Contains(".proj_out.", StringComparison.Ordinal)
                || name.StartsWith("conv_out.", StringComparison.Ordinal))
                parameter.zero_();
        }
    }
}
