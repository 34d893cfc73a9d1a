using PatchDpo.Torch.Diffusion.Samplers;
using PatchDpo.Torch.Diffusion.Schedules;
using PatchDpo.Torch.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Diffusion.Samplers;

/// <summary>
/// Samplers against sampler_oracle.py, which lies beside this file and prints the lines of data: the methods written once more, from their papers.
/// </summary>
public class SamplerOracleTests
{
    private const string Betas = """, "beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012""";

    [Theory]
    [InlineData("""{"_class_name": "EulerDiscreteScheduler", "use_exponential_sigmas": true, "timestep_spacing": "leading", "steps_offset": 1}""", 4, new[] { 751d, 318.6338, 37.29193, 1 }, new[] { 3.655922d, -1.789982, 1.689805 })]
    [InlineData("""{"_class_name": "EulerDiscreteScheduler", "use_beta_sigmas": true}""", 5, new[] { 999d, 966.495, 874.662, 634.5521, 0 }, new[] { 10.17866d, -5.189861, 7.661232 })]
    [InlineData("""{"_class_name": "EulerDiscreteScheduler", "use_karras_sigmas": true, "sigma_min": 0.05, "sigma_max": 9.5}""", 4, new[] { 924.1606d, 619.7714, 150.6931, 1.933846 }, new[] { 7.206289d, -3.632511, 4.824769 })]
    [InlineData("""{"_class_name": "EulerDiscreteScheduler", "final_sigmas_type": "sigma_min", "timestep_spacing": "trailing"}""", 3, new[] { 999d, 666, 332 }, new[] { 10.18014d, -5.156328, 7.17089 })]
    [InlineData("""{"_class_name": "EulerDiscreteScheduler", "timestep_type": "continuous", "prediction_type": "v_prediction", "use_karras_sigmas": true}""", 3, new[] { 0.6705062d, 0.06056116, -0.8836748 }, new[] { 0.004274976d, 0.05638579, -0.8362211 })]
    [InlineData("""{"_class_name": "EulerAncestralDiscreteScheduler"}""", 1, new[] { 0d }, new[] { 0.03449081d, -0.01434566, -0.0204853 })]
    [InlineData("""{"_class_name": "EulerAncestralDiscreteScheduler", "timestep_spacing": "leading", "steps_offset": 1}""", 4, new[] { 751d, 501, 251, 1 }, new[] { 3.687081d, -0.6903183, 1.283318 })]
    [InlineData("""{"_class_name": "EulerAncestralDiscreteScheduler", "timestep_spacing": "trailing", "prediction_type": "v_prediction", "rescale_betas_zero_snr": true}""", 5, new[] { 999d, 799, 599, 399, 199 }, new[] { -0.4449888d, -0.2549106, -0.5186988 })]
    [InlineData("""{"_class_name": "HeunDiscreteScheduler"}""", 1, new[] { 0d }, new[] { 0.03449081d, -0.01434566, -0.0204853 })]
    [InlineData("""{"_class_name": "HeunDiscreteScheduler", "timestep_spacing": "leading", "steps_offset": 1}""", 4, new[] { 751d, 501, 501, 251, 251, 1, 1 }, new[] { 2.515004d, -1.15113, 0.01228221 })]
    [InlineData("""{"_class_name": "HeunDiscreteScheduler", "use_karras_sigmas": true, "prediction_type": "v_prediction"}""", 3, new[] { 999d, 427.49, 427.49, 0, 0 }, new[] { 2.121013d, -0.8211247, -2.134966 })]
    [InlineData("""{"_class_name": "HeunDiscreteScheduler", "use_beta_sigmas": true, "clip_sample": true}""", 3, new[] { 999d, 874.662, 874.662, 0, 0 }, new[] { 1d, -1, -1 })]
    [InlineData("""{"_class_name": "LCMScheduler"}""", 1, new[] { 999d }, new[] { 17.51126d, -9.033282, 14.68102 })]
    [InlineData("""{"_class_name": "LCMScheduler"}""", 4, new[] { 999d, 759, 499, 259 }, new[] { 7.141498d, -2.552335, 5.290759 })]
    [InlineData("""{"_class_name": "LCMScheduler", "original_inference_steps": 40, "timestep_scaling": 0.01, "clip_sample": true}""", 7, new[] { 999d, 874, 724, 574, 449, 299, 149 }, new[] { -0.3107231d, 0.2433444, 0.1517048 })]
    [InlineData("""{"_class_name": "LCMScheduler", "prediction_type": "v_prediction", "rescale_betas_zero_snr": true}""", 3, new[] { 999d, 679, 339 }, new[] { 0.0857129d, -0.05687323, -0.357475 })]
    [InlineData("""{"_class_name": "DPMSolverMultistepScheduler", "algorithm_type": "sde-dpmsolver++"}""", 1, new[] { 999d }, new[] { 17.53192d, -9.002936, 14.68719 })]
    [InlineData("""{"_class_name": "DPMSolverMultistepScheduler", "algorithm_type": "sde-dpmsolver++"}""", 5, new[] { 999d, 799, 599, 400, 200 }, new[] { 4.826259d, -1.529914, 2.603082 })]
    [InlineData("""{"_class_name": "DPMSolverMultistepScheduler", "algorithm_type": "sde-dpmsolver++", "solver_type": "heun"}""", 16, new[] { 999d, 937, 874, 812, 749, 687, 624, 562, 500, 437, 375, 312, 250, 187, 125, 62 }, new[] { 1.83646d, 0.01055747, 1.434731 })]
    [InlineData("""{"_class_name": "DPMSolverMultistepScheduler", "algorithm_type": "sde-dpmsolver++", "use_karras_sigmas": true, "final_sigmas_type": "zero"}""", 6, new[] { 999d, 837, 594, 249, 30, 0 }, new[] { 2.068306d, 0.4995942, -0.5059694 })]
    [InlineData("""{"_class_name": "DPMSolverMultistepScheduler", "algorithm_type": "sde-dpmsolver++", "use_exponential_sigmas": true, "solver_order": 1}""", 4, new[] { 999d, 538, 52, 0 }, new[] { 11.65221d, -4.493942, 9.043119 })]
    [InlineData("""{"_class_name": "DPMSolverMultistepScheduler", "algorithm_type": "sde-dpmsolver++", "use_beta_sigmas": true}""", 4, new[] { 999d, 943, 746, 0 }, new[] { 7.736752d, 12.36842, 1.36281 })]
    [InlineData("""{"_class_name": "DEISMultistepScheduler"}""", 1, new[] { 999d }, new[] { 17.51271d, -9.031878, 14.65134 })]
    [InlineData("""{"_class_name": "DEISMultistepScheduler"}""", 5, new[] { 999d, 799, 599, 400, 200 }, new[] { 7.789671d, -3.892437, 4.725978 })]
    [InlineData("""{"_class_name": "DEISMultistepScheduler", "timestep_spacing": "leading", "steps_offset": 1}""", 16, new[] { 929d, 871, 813, 755, 697, 639, 581, 523, 465, 407, 349, 291, 233, 175, 117, 59 }, new[] { 5.157188d, -2.522624, 2.349373 })]
    [InlineData("""{"_class_name": "DEISMultistepScheduler", "timestep_spacing": "trailing", "prediction_type": "v_prediction"}""", 4, new[] { 999d, 749, 499, 249 }, new[] { 0.5184934d, -0.2276695, -0.1357494 })]
    [InlineData("""{"_class_name": "DEISMultistepScheduler", "solver_order": 1}""", 3, new[] { 999d, 666, 333 }, new[] { 10.19325d, -5.162179, 7.168798 })]
    [InlineData("""{"_class_name": "UniPCMultistepScheduler"}""", 1, new[] { 999d }, new[] { 17.51271d, -9.031878, 14.65134 })]
    [InlineData("""{"_class_name": "UniPCMultistepScheduler"}""", 5, new[] { 999d, 799, 599, 400, 200 }, new[] { 6.978419d, -3.462755, 3.885409 })]
    [InlineData("""{"_class_name": "UniPCMultistepScheduler", "solver_type": "bh1"}""", 5, new[] { 999d, 799, 599, 400, 200 }, new[] { 6.270683d, -3.089944, 3.181395 })]
    [InlineData("""{"_class_name": "UniPCMultistepScheduler", "solver_type": "bh1", "final_sigmas_type": "zero", "use_karras_sigmas": true}""", 6, new[] { 999d, 837, 594, 249, 30, 0 }, new[] { -0.03545592d, 0.2590152, -3.480117 })]
    [InlineData("""{"_class_name": "UniPCMultistepScheduler", "solver_order": 1, "timestep_spacing": "trailing"}""", 4, new[] { 999d, 749, 499, 249 }, new[] { 8.524656d, -4.281969, 5.491033 })]
    [InlineData("""{"_class_name": "UniPCMultistepScheduler", "disable_corrector": [0, 2], "lower_order_final": false}""", 5, new[] { 999d, 799, 599, 400, 200 }, new[] { 6.046194d, -2.9472, 2.607036 })]
    [InlineData("""{"_class_name": "UniPCMultistepScheduler", "timestep_spacing": "leading", "steps_offset": 1, "prediction_type": "v_prediction", "final_sigmas_type": "zero"}""", 16, new[] { 929d, 871, 813, 755, 697, 639, 581, 523, 465, 407, 349, 291, 233, 175, 117, 59 }, new[] { 0.677032d, -0.289676, -0.2862986 })]
    [InlineData("""{"_class_name": "UniPCMultistepScheduler", "sigma_min": 0.05, "sigma_max": 9.0, "use_exponential_sigmas": true, "final_sigmas_type": "zero"}""", 4, new[] { 914d, 495, 73, 1 }, new[] { 5.174211d, -2.53787, 2.4563 })]
    [InlineData("""{"_class_name": "LMSDiscreteScheduler"}""", 1, new[] { 0d }, new[] { 0.03449081d, -0.01434566, -0.0204853 })]
    [InlineData("""{"_class_name": "LMSDiscreteScheduler"}""", 6, new[] { 999d, 799.2, 599.4, 399.6, 199.8, 0 }, new[] { 7.963055d, -3.982382, 4.878558 })]
    [InlineData("""{"_class_name": "LMSDiscreteScheduler", "timestep_spacing": "leading", "steps_offset": 1}""", 7, new[] { 853d, 711, 569, 427, 285, 143, 1 }, new[] { 4.087859d, -1.977576, 1.547067 })]
    [InlineData("""{"_class_name": "LMSDiscreteScheduler", "timestep_spacing": "trailing", "prediction_type": "v_prediction"}""", 5, new[] { 999d, 799, 599, 399, 199 }, new[] { 0.6260527d, -0.2677486, -0.2663934 })]
    [InlineData("""{"_class_name": "LMSDiscreteScheduler", "use_karras_sigmas": true}""", 5, new[] { 999d, 785.954, 427.49, 58.89159, 0 }, new[] { 8.812488d, -4.441246, 5.887107 })]
    [InlineData("""{"_class_name": "LMSDiscreteScheduler", "use_exponential_sigmas": true}""", 4, new[] { 999d, 538.0671, 52.38261, 0 }, new[] { 11.10032d, -5.641576, 8.093806 })]
    [InlineData("""{"_class_name": "LMSDiscreteScheduler", "use_beta_sigmas": true, "prediction_type": "v_prediction"}""", 4, new[] { 999d, 943.9332, 746.9448, 0 }, new[] { 0.1287699d, -0.09415894, 0.5054532 })]
    public void A_sampler_walks_as_the_oracle_does(string json, int steps, double[] timesteps, double[] end)
    {
        using DisposeScope scope = NewDisposeScope();
        var config = ModelConfig.Parse($"{json[..^1]}{Betas}}}", "scheduler_config.json");
        using ISampler sampler = new NoiseSchedule(NoiseScheduleConfig.FromJson(config)).CreateSampler();
        // A second run shows that a first one leaves nothing behind.
        foreach (int run in new[] { 1, 2 })
        {
            sampler.SetTimesteps(steps);
            Assert.Equal(timesteps.Length, sampler.Timesteps.Count);
            Assert.All(timesteps.Zip(sampler.Timesteps), t => Assert.Equal(t.First, t.Second, 1e-4 * Math.Max(1, Math.Abs(t.First))));
            Tensor latents = tensor(new[] { 1.5, -0.7, 0.2 }) * sampler.InitialNoiseScale, slope = tensor(new[] { 0.3, -0.2, 0.9 });
            for (int i = 0; i < sampler.Timesteps.Count; i++)
            {
                Tensor prediction = (0.4 * sampler.ScaleInput(latents, i)) + (slope * Math.Cos(sampler.Timesteps[i] / 300));
                Tensor noise = tensor(Enumerable.Range(0, 3).Select(k => Math.Sin((1.3 * (i + 1)) + (0.7 * k))).ToArray());
                latents = sampler.Step(prediction, latents, i, noise);
            }
            Fixtures.AssertClose(latents, tensor(end), 2e-5 * Math.Max(1, end.Max(Math.Abs)), $"{json}, run {run}");
        }
    }
}
