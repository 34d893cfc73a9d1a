using PatchDpo.Torch.Adapters.IpAdapter;
using PatchDpo.Torch.Clip;
using PatchDpo.Torch.Diffusion.Schedules;
using PatchDpo.Torch.Models;
using static TorchSharp.torch;

namespace TrainEmbeddedModels;

/// <summary>One step of diffusion training: noise, prediction, loss, gradients.</summary>
internal static class GeneratorStep
{
    private const double TextDrop = 0.05;
    private const double ImageDrop = 0.05;
    private const double BothDrop = 0.05;
    private static readonly NoiseSchedule s_schedule = new(NoiseScheduleConfig.FromJson(
        ModelConfig.Parse(System.Text.Json.JsonSerializer.Serialize(GeneratorModels.SchedulerJson), "scheduler_config.json")));

    /// <summary>Draws a batch and leaves its gradients in the models, which compute in bfloat16; returns the loss.</summary>
    public static double Backward(GeneratorModels models, GeneratorPool pool, int batch)
    {
        using var scope = NewDisposeScope();
        Tensor index = randint(0, pool.Count, [batch]);
        Tensor draw = rand(batch);
        Tensor keepText = (draw.ge(TextDrop) & draw.lt(1 - BothDrop)).to(ScalarType.Int64).unsqueeze(1);
        Tensor keepImage = (draw.lt(TextDrop) | (draw.ge(TextDrop + ImageDrop) & draw.lt(1 - BothDrop))).to(ScalarType.BFloat16).reshape(-1, 1, 1, 1);
        Tensor ids = pool.Ids.index_select(0, index) * keepText + pool.EmptyIds * (1 - keepText);
        Tensor states = pool.ReferenceStates.index_select(0, index) * keepImage + pool.DroppedState * (1 - keepImage);

        Tensor latents = pool.Latents.index_select(0, index);
        Tensor noise = randn_like(latents);
        // More of the high noise levels, where shapes are decided.
        Tensor timesteps = (rand(batch).sqrt() * s_schedule.TrainTimesteps).to(ScalarType.Int64).clamp_max(s_schedule.TrainTimesteps - 1);
        Tensor noisy = s_schedule.AddNoise(latents, noise, timesteps);
        Tensor target = s_schedule.Target(latents, noise, timesteps);

        ClipTextOutput text2 = models.TextEncoder2.call(ids);
        Tensor context = cat([models.TextEncoder.call(ids).PenultimateHiddenState, text2.PenultimateHiddenState], -1);
        Tensor perObject = models.Resampler.call(states.flatten(0, 1));
        // Each object's tokens, one set behind the other.
        Tensor tokens = perObject.reshape(batch, -1, perObject.shape[2]);
        Tensor prediction = models.UNet.forward(noisy.to(ScalarType.BFloat16), timesteps, context, text2.TextEmbeds, TimeIds(batch), new IpAttention(models.AdapterLayers, tokens, 1));
        Tensor loss = (prediction.to(ScalarType.Float32) - target).square().mean();
        loss.backward();
        return loss.item<float>();
    }

    /// <summary>SDXL's original size, crop and target size: always the whole 64 x 64 image.</summary>
    private static Tensor TimeIds(int batch) => tensor(new float[] { 64, 64, 0, 0, 64, 64 }).expand(batch, 6);
}
