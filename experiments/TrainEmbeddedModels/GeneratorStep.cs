using PatchDpo.Torch.Adapters.IpAdapter;
using PatchDpo.Torch.Clip;
using PatchDpo.Torch.Diffusion.Schedules;
using PatchDpo.Torch.Loop;
using PatchDpo.Torch.Models;
using static TorchSharp.torch;

namespace TrainEmbeddedModels;

/// <summary>One step of diffusion training: noise, prediction, loss.</summary>
/// <param name="models">They compute in bfloat16.</param>
/// <param name="batch">Samples of a step.</param>
/// <param name="seed">Decides what a step draws.</param>
internal sealed class GeneratorStep(GeneratorModels models, int batch, int seed)
{
    private const double TextDrop = 0.05;
    private const double ImageDrop = 0.05;
    private const double BothDrop = 0.05;
    private static readonly NoiseSchedule Schedule = new(NoiseScheduleConfig.FromJson(
        ModelConfig.Parse(System.Text.Json.JsonSerializer.Serialize(GeneratorModels.SchedulerJson), "scheduler_config.json")));

    private readonly TrainingDraws _draws = new(seed);

    /// <summary>The loss of a step, from 1, with gradient.</summary>
    public Tensor Loss(GeneratorPool pool, int step)
    {
        // Where a step takes one of several pools, the others' places are passed over.
        Tensor index = tensor(new RowOrder(pool.Count, _draws).At((step - 1L) * batch, batch));
        Tensor draw = tensor(_draws.Uniform(TrainingDraw.Dropout, step, 0, batch));
        Tensor keepText = (draw.ge(TextDrop) & draw.lt(1 - BothDrop)).to(ScalarType.Int64).unsqueeze(1);
        Tensor keepImage = (draw.lt(TextDrop) | (draw.ge(TextDrop + ImageDrop) & draw.lt(1 - BothDrop))).to(ScalarType.BFloat16).reshape(-1, 1, 1, 1);
        Tensor ids = pool.Ids.index_select(0, index) * keepText + pool.EmptyIds * (1 - keepText);
        Tensor states = pool.ReferenceStates.index_select(0, index) * keepImage + pool.DroppedState * (1 - keepImage);

        Tensor latents = pool.Latents.index_select(0, index);
        Tensor noise = _draws.Normal(TrainingDraw.Noise, step, 0, batch, latents.shape[1..]);
        // More of the high noise levels, where shapes are decided.
        Tensor timesteps = tensor(_draws.Uniform(TrainingDraw.Timestep, step, 0, batch).Select(u => (long)(Math.Sqrt(u) * Schedule.TrainTimesteps)).ToArray());
        Tensor noisy = Schedule.AddNoise(latents, noise, timesteps);
        Tensor target = Schedule.Target(latents, noise, timesteps);

        ClipTextOutput text2 = models.TextEncoder2.call(ids);
        Tensor context = cat([models.TextEncoder.call(ids).PenultimateHiddenState, text2.PenultimateHiddenState], -1);
        Tensor perObject = models.Resampler.call(states.flatten(0, 1));
        // Each object's tokens, one set behind the other.
        Tensor tokens = perObject.reshape(batch, -1, perObject.shape[2]);
        Tensor prediction = models.UNet.forward(noisy.to(ScalarType.BFloat16), timesteps, context, text2.TextEmbeds, TimeIds(),
            new IpAttention(models.AdapterLayers, tokens, 1));
        return (prediction.to(ScalarType.Float32) - target).square().mean();
    }

    /// <summary>SDXL's original size, crop and target size: always the whole 64 x 64 image.</summary>
    private Tensor TimeIds() => tensor(new float[] { 64, 64, 0, 0, 64, 64 }).expand(batch, 6);
}
