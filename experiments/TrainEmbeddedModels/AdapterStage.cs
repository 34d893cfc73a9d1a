using PatchDpo.Torch.Clip;
using PatchDpo.Torch.Diffusion.Vae;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TrainEmbeddedModels;

/// <summary>
/// Starts to_k_ip and to_v_ip anew and trains them alone for a few steps: the shipped adapter knows parts' colours roughly,
/// not reliably. PatchDPO trains these weights only, and a converged generator as small as this one leaves them nothing to gain.
/// </summary>
internal static class AdapterStage
{
    private const int Batch = 24;
    private const int PoolSize = 3000;
    private const int Steps = 100;
    private const double LearningRate = 2e-3;

    public static void Run(TrainingContext context)
    {
        random.manual_seed(context.Seed + 3);
        ClipTokenizer tokenizer = ClipTokenizer.FromFolder(context.OutputFolder("generator", "tokenizer"));
        using AutoencoderKL vae = AutoencoderKL.FromFolder(context.OutputFolder("generator", "vae"));
        using var models = new GeneratorModels(tokenizer.VocabularySize);
        models.Read(context);
        using GeneratorPool single = GeneratorPool.Create(Math.Max(256, context.Steps(PoolSize)), 4_000_000, GeneratorSample.Varied, models, vae, tokenizer);
        using GeneratorPool pairs = GeneratorPool.Create(Math.Max(256, context.Steps(PoolSize / 2)), 4_500_000, GeneratorSample.Pair, models, vae, tokenizer);
        Tensor[] resampler = models.Resampler.parameters().Select(p => p.detach().clone()).ToArray();
        foreach (nn.Module module in models.Trained.Where(m => m != models.AdapterLayers))
        {
            module.to(ScalarType.BFloat16);
            foreach (Parameter parameter in module.parameters())
                parameter.requires_grad = false;
        }

        using (no_grad())
        {
            foreach (Parameter parameter in models.AdapterLayers.parameters())
                nn.init.kaiming_uniform_(parameter, Math.Sqrt(5));
        }

        var step = new GeneratorStep(models, Batch, context.Seed + 3);
        new StageTraining("adapter", Steps, LearningRate, EmaDecay: 0.9, Warmup: 10, Every: 20, Resumes: false)
            .Run(context, [models.AdapterLayers], number => step.Loss(GeneratorStage.Choose([single, pairs], number), number));
        using (no_grad())
        {
            models.Resampler.to(ScalarType.Float32);
            foreach ((Parameter parameter, Tensor value) in models.Resampler.parameters().Zip(resampler))
                parameter.copy_(value);
        }

        models.WriteAdapter(context);
    }
}
