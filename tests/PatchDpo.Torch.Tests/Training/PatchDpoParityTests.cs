using System.Text.Json;
using System.Text.RegularExpressions;
using PatchDpo.Torch.Adapters.IpAdapter;
using PatchDpo.Torch.Diffusion;
using PatchDpo.Torch.Diffusion.Schedules;
using PatchDpo.Torch.Diffusion.UNet;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.Tests.Personalization;
using PatchDpo.Torch.Training;
using PatchDpo.Torch.Training.Data;
using PatchDpo.Torch.Training.Objectives;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Training;

/// <summary>PatchDPO's training steps against the official script, and AdamW alone against PyTorch's.</summary>
public class PatchDpoParityTests
{
    [Theory]
    [InlineData("official", true)]
    [InlineData("intended_time_ids", false)]
    public void Losses_gradients_and_updates_equal_the_official_script(string variant, bool officialTimeIds)
    {
        using DisposeScope scope = NewDisposeScope();
        JsonElement json = Fixtures.Json("07_patchdpo/train.json");
        Dictionary<string, Tensor> input = Fixtures.Tensors("07_patchdpo/train.in.safetensors");
        Dictionary<string, Tensor> expected = Fixtures.Tensors($"07_patchdpo/train_{variant}.out.safetensors");
        JsonElement tolerances = json.GetProperty("tolerances").GetProperty(variant);
        (UNet2DConditionModel unet, IpAdapterModel adapter) = TinyStack.Load();
        NoiseSchedule schedule = new(NoiseScheduleConfig.FromJson(ModelConfig.Parse(json.GetProperty("scheduler").GetRawText(), "train.json")));
        var objective = new WeightedErrorObjective(TrainingObjective.PatchDpo, new(), schedule, minSnrGamma: null);
        foreach (TorchSharp.Modules.Parameter parameter in unet.parameters())
            parameter.requires_grad = false;
        foreach (TorchSharp.Modules.Parameter parameter in adapter.Layers.parameters().Concat(adapter.Projection.parameters()))
            parameter.requires_grad = true;
        JsonElement settings = json.GetProperty("optimizer");
        double lr = settings.GetProperty("lr").GetDouble();
        using optim.Optimizer optimizer = optim.AdamW(adapter.Layers.parameters(), lr, settings.GetProperty("betas")[0].GetDouble(),
            settings.GetProperty("betas")[1].GetDouble(),
            settings.GetProperty("eps").GetDouble(), settings.GetProperty("weight_decay").GetDouble());

        // The fixture says in words which share of the weights has to agree.
        string check = json.GetProperty("recommended_param_check").GetString()!;
        double leastShare = double.Parse(Regex.Match(check, @"at least ([\d.]+)%").Groups[1].Value, System.Globalization.CultureInfo.InvariantCulture) / 100;

        var seen = new HashSet<string>();
        for (int number = 1; input.ContainsKey($"step{number}.latents"); number++)
        {
            string prefix = $"step{number}.";
            Tensor In(string name) => input[prefix + name];
            var sizes = new PairSizes(In("original_size"), In("crop_coords_top_left"), In("target_size"));
            Tensor timeIds = officialTimeIds ? sizes.OfficialTimeIds() : sizes.TimeIds();
            Tensor weights = PatchDpoLoss.Weights(In("target_rmap"), In("contra_rmap"));
            TrainingBatch batch = TrainingBatch.OfPairs(
                In("latents"), In("noise_raw").chunk(2)[0], In("timesteps_raw").chunk(2)[0], new TextConditions(In("text_embeds"), In("pooled_text_embeds")),
                new ImagePrompt("tokens", adapter.Projection.call(In("image_embeds"))), timeIds, weights);
            TrainingStep step = TrainingStep.Forward(
                schedule, (x, t, c) => unet.forward(x, t, c.Text.HiddenStates, c.Text.Pooled, c.TimeIds,
                    new IpAttention(adapter.Layers, c.Image["tokens"], 1)), batch);
            Tensor loss = objective.Loss(step, () => throw new InvalidOperationException("PatchDPO has no frozen model.")).Value;
            optimizer.zero_grad();
            loss.backward();

            Close(loss, "loss_dpo");
            Close((step.Prediction - step.Target).square().mean(), "loss_mse");
            Close(batch.Noise, "noise");
            Close(step.NoisyLatents, "noisy_latents");
            Close(timeIds, "time_ids_rows_used");
            Close(timeIds, "time_ids");
            Close(step.Prediction, "noise_pred");
            Close(weights, "region_weight");
            Close(adapter.Layers.parameters().Select(p => p.grad!.square().sum()).Aggregate((a, b) => a + b).sqrt(), "grad_norm_total");
            foreach ((string name, TorchSharp.Modules.Parameter parameter) in adapter.Layers.named_parameters())
                Close(parameter.grad!, $"grad.{name}", "grad");
            foreach ((string name, TorchSharp.Modules.Parameter parameter) in adapter.Projection.named_parameters())
                Close(parameter.grad!.norm(), $"grad_image_proj_norm.{name}", "grad_image_proj_norm");
            optimizer.step();
            foreach ((string name, TorchSharp.Modules.Parameter parameter) in adapter.Layers.named_parameters())
                CloseButForSigns(parameter, name);

            void Close(Tensor actual, string name, string? tolerance = null)
            {
                if (!expected.TryGetValue(prefix + name, out Tensor? golden))
                    return;
                seen.Add(prefix + name);
                // time_ids is kept in the shape that the official script built, which only the UNet cuts into rows.
                Fixtures.AssertClose(actual.reshape(golden.shape), golden,
                    tolerances.GetProperty(prefix + (tolerance ?? name)).GetProperty("tol_abs").GetDouble(), $"{variant}: {prefix}{name}");
            }

            // Adam's first steps move a weight by about lr whatever the gradient's size: where it is nearly 0 its sign may differ.
            void CloseButForSigns(Tensor actual, string name)
            {
                if (!expected.TryGetValue($"{prefix}param.{name}", out Tensor? golden))
                    return;
                seen.Add($"{prefix}param.{name}");
                Tensor difference = (actual - golden).abs();
                double tolerance = tolerances.GetProperty(prefix + "param").GetProperty("tol_abs").GetDouble();
                double share = difference.le(tolerance).to(ScalarType.Float64).mean().item<double>();
                Assert.True(share >= leastShare, $"{variant}: {prefix}param.{name}: only {share:P2} of the weights are within {tolerance}.");
                Fixtures.AssertClose(actual, golden, 2 * lr * number, $"{variant}: {prefix}param.{name}");
            }
        }
        Assert.Empty(expected.Keys.Except(seen));
    }

    [Fact]
    public void AdamW_equals_PyTorch()
    {
        using DisposeScope scope = NewDisposeScope();
        JsonElement json = Fixtures.Json("07_patchdpo/adamw_unit.json");
        Dictionary<string, Tensor> tensors = Fixtures.Tensors("07_patchdpo/adamw_unit.safetensors");
        JsonProperty[] settings = [.. json.GetProperty("settings").EnumerateObject()];
        Assert.NotEmpty(settings);
        var seen = new HashSet<string>();
        foreach (JsonProperty setting in settings)
        {
            var parameter = new TorchSharp.Modules.Parameter(tensors["in.param0"].clone());
            using optim.Optimizer optimizer = optim.AdamW([parameter], setting.Value.GetProperty("lr").GetDouble(),
                weight_decay: setting.Value.GetProperty("weight_decay").GetDouble());
            int steps = tensors.Keys.Count(k => Regex.IsMatch(k, @"^in\.grad\d+$"));
            for (int i = 1; i <= steps; i++)
            {
                parameter.grad = tensors[$"in.grad{i}"].clone();
                optimizer.step();
                Close(parameter, $"param{i}");
            }
            Tensor delta = parameter.to(ScalarType.Float64) - tensors["in.param0"].to(ScalarType.Float64);
            seen.Add($"out64.{setting.Name}.delta{steps}");
            Fixtures.AssertClose(delta, tensors[$"out64.{setting.Name}.delta{steps}"], Tolerance($"param{steps}"), $"{setting.Name}: delta{steps}");

            void Close(Tensor actual, string name)
            {
                seen.Add($"out.{setting.Name}.{name}");
                Fixtures.AssertClose(actual, tensors[$"out.{setting.Name}.{name}"], Tolerance(name), $"{setting.Name}: {name}");
            }

            double Tolerance(string name) => json.GetProperty("tolerances").GetProperty($"{setting.Name}.{name}").GetProperty("tol_abs").GetDouble();
        }
        // The moments stay inside TorchSharp's optimizer; the parameters of the later steps depend on them.
        Assert.Empty(tensors.Keys.Where(k => k.StartsWith("out", StringComparison.Ordinal) && !k.Contains("exp_avg", StringComparison.Ordinal)).Except(seen));
    }
}
