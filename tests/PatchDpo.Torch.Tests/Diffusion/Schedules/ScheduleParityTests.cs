using System.Globalization;
using System.Text.RegularExpressions;
using PatchDpo.Torch.Diffusion.Samplers;
using PatchDpo.Torch.Diffusion.Schedules;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.Tests.Diffusion.Samplers;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Diffusion.Schedules;

/// <summary>Noise schedules and samplers against diffusers, with the fixture's linear stand-in for a network.</summary>
public class ScheduleParityTests
{
    public static IEnumerable<object[]> Files() => Fixtures.Find("08_schedulers", "*.json").Select(p => new object[] { Path.GetFileName(p) });

    [Theory]
    [MemberData(nameof(Files))]
    public void Training_noise_levels_equal_diffusers(string file)
    {
        using DisposeScope scope = NewDisposeScope();
        (ModelConfig json, Dictionary<string, Tensor> tensors) = Read(file);
        foreach (string name in json.GetObject("configs").Names.Where(n => !json.GetObject("configs").GetObject(n).Has("_class")))
        {
            NoiseScheduleConfig config = NoiseScheduleConfig.FromJson(json.GetObject("configs").GetObject(name));
            NoiseSchedule schedule = new(config);
            Tensor latents = tensors[$"{name}.in.latents"], noise = tensors[$"{name}.in.noise"], timesteps = tensors[$"{name}.in.timesteps"];
            Tensor all = arange(schedule.TrainTimesteps, dtype: ScalarType.Int64);
            Close(tensor(schedule.StepBetas.ToArray()), $"{name}.betas");
            Close(tensor(schedule.AlphasCumprod.ToArray()), $"{name}.alphas_cumprod");
            int compared = 0;
            foreach (string key in tensors.Keys.Where(k => k.StartsWith($"out.{name}.", StringComparison.Ordinal)))
            {
                string output = key[$"out.{name}.".Length..];
                Tensor actual = output switch
                {
                    "add_noise" => schedule.AddNoise(latents, noise, timesteps),
                    "velocity" => schedule.Velocity(latents, noise, timesteps),
                    "snr_all" => schedule.Snr(all),
                    _ when Regex.Match(output, @"^min_snr_weight_(eps|v)\.gamma(.+)$") is { Success: true } m => MinSnr(m.Groups[1].Value, m.Groups[2].Value),
                    _ => throw new InvalidOperationException($"No test for '{key}'."),
                };
                Close(actual, key);
                compared++;
            }
            Assert.True(compared > 0, $"{file}: no outputs of '{name}'.");

            Tensor MinSnr(string type, string gamma)
            {
                NoiseScheduleConfig ofType = config with { PredictionType = type == "v" ? PredictionType.Velocity : PredictionType.Epsilon };
                return new NoiseSchedule(ofType).MinSnrWeights(all, double.Parse(gamma, CultureInfo.InvariantCulture));
            }
        }

        void Close(Tensor actual, string key) => Fixtures.AssertClose(actual, tensors[key],
            Tolerance(json, key.Replace("out.", "", StringComparison.Ordinal), tensors[key]), key);
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void Every_sampler_takes_the_steps_of_diffusers(string file)
    {
        using DisposeScope scope = NewDisposeScope();
        (ModelConfig json, Dictionary<string, Tensor> tensors) = Read(file);
        ModelConfig configs = json.GetObject("configs");
        (double slope, double timeScale) = FakeModel(json);
        string[] runs = [.. configs.Names.Where(n => configs.GetObject(n).Has("_class"))];
        Assert.NotEmpty(runs);
        foreach (string run in runs)
        {
            ModelConfig config = configs.GetObject(run);
            NoiseSchedule schedule = new(NoiseScheduleConfig.FromJson(config));
            using ISampler sampler = schedule.CreateSampler(SamplerKinds.OfClass(config.GetString("_class"))
                ?? throw new InvalidOperationException($"{run}: no sampler for '{config.GetString("_class")}'."));
            sampler.SetTimesteps(config.GetInt32("_steps"));
            Close(tensor(sampler.Timesteps.ToArray()), "timesteps");
            Close(tensor(sampler.InitialNoiseScale), "init_noise_sigma");
            if (tensors.ContainsKey($"out.{run}.sigmas"))
                Close(tensor(SamplerSigmas.Of(sampler)!.ToArray()), "sigmas");

            Tensor latents = tensors["sample.in.x0_unit"] * sampler.InitialNoiseScale;
            for (int i = 0; i < sampler.Timesteps.Count; i++)
            {
                Tensor input = sampler.ScaleInput(latents, i);
                Close(input, $"model_input.{i}");
                Tensor prediction = (slope * input) + (sampler.Timesteps[i] / timeScale * tensors["sample.in.bias"]);
                latents = sampler.Step(prediction, latents, i);
                Close(latents, $"latents.{i}");
            }

            // Model inputs are latents of the step before, scaled down: they share the latents' tolerance.
            void Close(Tensor actual, string output)
            {
                Tensor expected = tensors[$"out.{run}.{output}"];
                string key = output.Contains('.', StringComparison.Ordinal) ? $"{run}.latents.*" : $"{run}.{output}";
                Fixtures.AssertClose(actual, expected, Tolerance(json, key, expected), $"{run}.{output}");
            }
        }
    }

    private static (ModelConfig, Dictionary<string, Tensor>) Read(string file)
        => (ModelConfig.Read(Fixtures.Path("08_schedulers", file)), Fixtures.Tensors(
            Path.Combine("08_schedulers", Path.ChangeExtension(file, ".safetensors"))));

    // The stand-in for a network: the JSON has its factors in a sentence, or the first one in a field.
    private static (double Slope, double TimeScale) FakeModel(ModelConfig json)
    {
        string sentence = json.GetString("fake_model");
        Match formula = Regex.Match(sentence, @"=\s*(?<slope>-?[\d.]+(?:[eE][-+]?\d+)?)\s*\*\s*x_in\s*\+\s*\(\s*t\s*/\s*(?<time>[\d.]+)\s*\)\s*\*\s*bias");
        Assert.True(formula.Success, $"The fake model is none that this test knows: {sentence}");
        double Number(string group) => double.Parse(formula.Groups[group].Value, CultureInfo.InvariantCulture);
        return (json.GetDouble("fake_model_scale", Number("slope")), Number("time"));
    }

    // Where the JSON lists none, the fixtures' general rule is the floor: 1e-6 of the largest magnitude, at least 1.
    private static double Tolerance(ModelConfig json, string key, Tensor expected)
        => json.GetObject("tolerances").Has(key)
            ? json.GetObject("tolerances").GetObject(key).GetDouble("tol_abs")
            : 1e-6 * Math.Max(1, expected.abs().max().to(float64).item<double>());
}
