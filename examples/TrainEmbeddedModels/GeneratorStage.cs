using PatchDpo.Torch.Diffusion;
using PatchDpo.Torch.Diffusion.IpAdapter;
using PatchDpo.Torch.Text;
using PatchDpo.Torch.Weights;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TrainEmbeddedModels;

/// <summary>Trains the generator: text encoders, Resampler, UNet and the image cross-attention together, from the start.</summary>
internal static class GeneratorStage
{
    private const int Batch = 24;
    private const int PoolSize = 12_000;
    private const int FullSteps = 6000;
    private const double LearningRate = 1.5e-3;
    private const int AdapterSteps = 100;
    private const double AdapterLearningRate = 2e-3;
    private const double TextDrop = 0.05;
    private const double ImageDrop = 0.05;
    private const double BothDrop = 0.05;

    public static void Run(TrainingContext context)
    {
        random.manual_seed(context.Seed + 1);
        ClipTokenizer tokenizer = ClipTokenizer.FromFolder(context.OutputFolder("generator", "tokenizer"));
        using AutoencoderKL vae = AutoencoderKL.FromFolder(context.OutputFolder("generator", "vae"));
        using var models = new GeneratorModels(tokenizer.VocabularySize);
        StartAsIdentity(models.UNet);
        ImageEncoderWarmUp.Run(context, models);
        random.manual_seed(context.Seed + 2);
        int count = Math.Max(256, context.Steps(PoolSize));
        using GeneratorPool pool = GeneratorPool.Create(count, 3_000_000, models, vae, tokenizer);
        context.Log($"generator: {pool.Count} samples drawn and encoded");

        var schedule = new NoiseSchedule(Schedule());
        int steps = context.Steps(FullSteps);
        using var optimizer = new MixedPrecisionAdamW(models.Trained, LearningRate, steps, emaDecay: 0.995, warmup: 200);
        const string checkpoint = "generator.checkpoint.safetensors";
        optimizer.TryLoad(context.WorkFile(checkpoint));
        context.Log($"generator: {optimizer.ParameterCount:N0} parameters, {steps} steps");
        var progress = new StageProgress(context, "generator", optimizer, checkpoint);
        while (optimizer.Steps < steps)
        {
            double loss = TrainStep(models, pool, schedule);
            optimizer.Step();
            progress.Add(loss);
        }

        optimizer.Finish(models.Trained);
        IpAdapterFile.Write(context.WorkFile("full_ip_adapter.safetensors"), new IpAdapterModel(models.Resampler, models.AdapterLayers), ScalarType.Float16);
        Tensor[] weights = TrainAdapterShortly(context, models, pool, schedule);
        optimizer.Finish(models.Trained);
        using (no_grad())
        {
            foreach ((Parameter parameter, Tensor value) in models.AdapterLayers.parameters().Zip(weights))
                parameter.copy_(value);
        }

        models.Write(context);
    }

    /// <summary>
    /// Starts to_k_ip and to_v_ip anew and trains them alone for a few steps: the shipped adapter knows parts' colours roughly,
    /// not reliably. PatchDPO trains these weights only, and a converged generator as small as this one leaves them nothing to gain.
    /// </summary>
    private static Tensor[] TrainAdapterShortly(TrainingContext context, GeneratorModels models, GeneratorPool pool, NoiseSchedule schedule)
    {
        using (no_grad())
        {
            foreach (Parameter parameter in models.AdapterLayers.parameters())
                nn.init.kaiming_uniform_(parameter, Math.Sqrt(5));
        }

        foreach (nn.Module module in models.Trained.Where(m => m != models.AdapterLayers))
        {
            module.to(ScalarType.BFloat16);
            foreach (Parameter parameter in module.parameters())
                parameter.requires_grad = false;
        }

        using var optimizer = new MixedPrecisionAdamW([models.AdapterLayers], AdapterLearningRate, AdapterSteps, emaDecay: 0.9, warmup: 10);
        var progress = new StageProgress(context, "adapter", optimizer, "adapter.checkpoint.safetensors", every: 20);
        while (optimizer.Steps < AdapterSteps)
        {
            double loss = TrainStep(models, pool, schedule);
            optimizer.Step();
            progress.Add(loss);
        }

        optimizer.Finish([models.AdapterLayers]);
        using IDisposable noGradient = no_grad();
        return models.AdapterLayers.parameters().Select(p => p.clone()).ToArray();
    }

    private static NoiseScheduleConfig Schedule()
        => NoiseScheduleConfig.FromJson(ModelConfig.Parse(System.Text.Json.JsonSerializer.Serialize(GeneratorModels.SchedulerJson), "scheduler_config.json"));

    private static double TrainStep(GeneratorModels models, GeneratorPool pool, NoiseSchedule schedule)
    {
        using var scope = NewDisposeScope();
        Tensor index = randint(0, pool.Count, [Batch]);
        Tensor draw = rand(Batch);
        Tensor keepText = (draw.ge(TextDrop) & draw.lt(1 - BothDrop)).to(ScalarType.Int64).unsqueeze(1);
        Tensor keepImage = (draw.lt(TextDrop) | (draw.ge(TextDrop + ImageDrop) & draw.lt(1 - BothDrop))).to(ScalarType.BFloat16).reshape(-1, 1, 1);
        Tensor ids = pool.Ids.index_select(0, index) * keepText + pool.EmptyIds * (1 - keepText);
        Tensor states = pool.ReferenceStates.index_select(0, index) * keepImage + pool.DroppedState * (1 - keepImage);

        Tensor latents = pool.Latents.index_select(0, index);
        Tensor noise = randn_like(latents);
        // More of the high noise levels, where shapes are decided.
        Tensor timesteps = (rand(Batch).sqrt() * schedule.TrainTimesteps).to(ScalarType.Int64).clamp_max(schedule.TrainTimesteps - 1);
        Tensor noisy = schedule.AddNoise(latents, noise, timesteps);
        Tensor target = schedule.Target(latents, noise, timesteps);

        ClipTextOutput text2 = models.TextEncoder2.call(ids);
        Tensor context = cat([models.TextEncoder.call(ids).PenultimateHiddenState, text2.PenultimateHiddenState], -1);
        Tensor tokens = models.Resampler.call(states);
        Tensor prediction = models.UNet.forward(noisy.to(ScalarType.BFloat16), timesteps, context, text2.TextEmbeds, TimeIds(Batch), new IpAttention(models.AdapterLayers, tokens, 1));
        Tensor loss = (prediction.to(ScalarType.Float32) - target).square().mean();
        loss.backward();
        return loss.item<float>();
    }

    /// <summary>SDXL's original size, crop and target size: always the whole 64 x 64 image.</summary>
    private static Tensor TimeIds(int batch) => tensor(new float[] { 64, 64, 0, 0, 64, 64 }).expand(batch, 6);

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
