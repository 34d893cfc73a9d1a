using System.Text.Json;
using PatchDpo.Torch.Adapters.IpAdapter;
using PatchDpo.Torch.Diffusion;
using PatchDpo.Torch.Diffusion.Samplers;
using PatchDpo.Torch.Diffusion.Schedules;
using PatchDpo.Torch.Diffusion.UNet;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.Personalization;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Personalization;

public class GuidedSamplingParityTests
{
    [Fact]
    public void Every_step_of_guided_sampling_equals_the_official_pipeline()
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        JsonElement json = Fixtures.Json("07_patchdpo/sampling.json");
        Dictionary<string, Tensor> io = Fixtures.Tensors("07_patchdpo/sampling.io.safetensors");
        (UNet2DConditionModel unet, IpAdapterModel adapter) = TinyStack.Load();
        double scale = json.GetProperty("scale").GetDouble(), guidance = json.GetProperty("guidance").GetDouble();
        int[] counts = [.. json.GetProperty("images_per_object").EnumerateArray().Select(c => c.GetInt32())];
        long batch = io["in.latents_unit"].shape[0];

        JsonProperty[] runs = [.. json.GetProperty("scheduler").EnumerateObject()];
        Assert.NotEmpty(runs);
        foreach (JsonProperty run in runs)
        {
            ModelConfig config = ModelConfig.Parse(run.Value.GetRawText(), "sampling.json");
            NoiseSchedule schedule = new(NoiseScheduleConfig.FromJson(config));
            using ISampler sampler = schedule.CreateSampler(SamplerKinds.OfClass(config.GetString("_class")));
            Tensor tokens = ReferenceTokens.Average(adapter.Projection.call(io["in.image_embeds_all"]), counts);
            Tensor negativeTokens = adapter.Projection.call(io["in.image_embeds_zero"]);
            Tensor timeIds = io["in.time_ids"].expand(batch, -1);
            var positive = new PromptConditions(new TextConditions(io["in.prompt_embeds"], io["in.pooled"]), new ImagePrompt("tokens", tokens), timeIds);
            var negative = new PromptConditions(new TextConditions(io["in.negative_prompt_embeds"], io["in.negative_pooled"]),
                new ImagePrompt("tokens", negativeTokens), timeIds);
            int seen = 0;
            CloseIfGiven(tokens, "ip_tokens");
            CloseIfGiven(negativeTokens, "ip_tokens_negative");
            GuidedSampling.Run(
                ConditionedNetwork.Of((x, t, c) => unet.forward(
                    x, t, c.Text.HiddenStates, c.Text.Pooled, c.TimeIds, new IpAttention(adapter.Layers, c.Image["tokens"], scale))),
                sampler, config.GetInt32("_steps"), guidance, io["in.latents_unit"], positive, negative, Compare, CancellationToken.None);
            Assert.Equal(io.Keys.Count(k => k.StartsWith($"out.{run.Name}.", StringComparison.Ordinal)), seen);

            void Compare(GuidedStep step)
            {
                CloseIfGiven(step.Unconditional!, $"step{step.Index}.uncond");
                CloseIfGiven(step.Conditional, $"step{step.Index}.cond");
                CloseIfGiven(step.Guided, $"step{step.Index}.guided");
                CloseIfGiven(step.Latents, $"latents.{step.Index}");
            }

            void CloseIfGiven(Tensor actual, string name)
            {
                if (!io.TryGetValue($"out.{run.Name}.{name}", out Tensor? expected))
                    return;
                Fixtures.AssertClose(actual, expected, json.GetProperty("tolerances").GetProperty($"{run.Name}.{name}").GetProperty("tol_abs").GetDouble(),
                    $"{run.Name}.{name}");
                seen++;
            }
        }
    }
}
