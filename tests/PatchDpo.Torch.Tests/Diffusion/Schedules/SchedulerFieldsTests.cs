using PatchDpo.Torch.Diffusion.Samplers;
using PatchDpo.Torch.Diffusion.Schedules;
using PatchDpo.Torch.Models;

namespace PatchDpo.Torch.Tests.Diffusion.Schedules;

/// <summary>The list of scheduler fields against the fields that diffusers' classes write, and against what the reader does.</summary>
public class SchedulerFieldsTests
{
    // The parameters of the classes' constructors, which are what they write (diffusers 0.40).
    private static readonly Dictionary<string, string> Written = new()
    {
        ["DDIMScheduler"] =
            "num_train_timesteps beta_start beta_end beta_schedule trained_betas clip_sample set_alpha_to_one steps_offset " +
            "prediction_type thresholding dynamic_thresholding_ratio clip_sample_range sample_max_value timestep_spacing " +
            "rescale_betas_zero_snr",
        ["PNDMScheduler"] =
            "num_train_timesteps beta_start beta_end beta_schedule trained_betas skip_prk_steps set_alpha_to_one prediction_type " +
            "timestep_spacing steps_offset",
        ["EulerDiscreteScheduler"] =
            "num_train_timesteps beta_start beta_end beta_schedule trained_betas prediction_type interpolation_type " +
            "use_karras_sigmas use_exponential_sigmas use_beta_sigmas sigma_min sigma_max timestep_spacing timestep_type " +
            "steps_offset rescale_betas_zero_snr final_sigmas_type",
        ["EulerAncestralDiscreteScheduler"] =
            "num_train_timesteps beta_start beta_end beta_schedule trained_betas prediction_type timestep_spacing steps_offset " +
            "rescale_betas_zero_snr",
        ["HeunDiscreteScheduler"] =
            "num_train_timesteps beta_start beta_end beta_schedule trained_betas prediction_type use_karras_sigmas " +
            "use_exponential_sigmas use_beta_sigmas clip_sample clip_sample_range timestep_spacing steps_offset",
        ["LCMScheduler"] =
            "num_train_timesteps beta_start beta_end beta_schedule trained_betas original_inference_steps clip_sample " +
            "clip_sample_range set_alpha_to_one steps_offset prediction_type thresholding dynamic_thresholding_ratio " +
            "sample_max_value timestep_spacing timestep_scaling rescale_betas_zero_snr",
        ["DPMSolverMultistepScheduler"] =
            "num_train_timesteps beta_start beta_end beta_schedule trained_betas solver_order prediction_type thresholding " +
            "dynamic_thresholding_ratio sample_max_value algorithm_type solver_type lower_order_final euler_at_final " +
            "use_karras_sigmas use_exponential_sigmas use_beta_sigmas use_lu_lambdas use_flow_sigmas flow_shift final_sigmas_type " +
            "lambda_min_clipped variance_type timestep_spacing steps_offset rescale_betas_zero_snr use_dynamic_shifting " +
            "time_shift_type",
        ["UniPCMultistepScheduler"] =
            "num_train_timesteps beta_start beta_end beta_schedule trained_betas solver_order prediction_type thresholding " +
            "dynamic_thresholding_ratio sample_max_value predict_x0 solver_type lower_order_final disable_corrector solver_p " +
            "use_karras_sigmas use_exponential_sigmas use_beta_sigmas use_flow_sigmas flow_shift timestep_spacing steps_offset " +
            "final_sigmas_type rescale_betas_zero_snr use_dynamic_shifting time_shift_type sigma_min sigma_max shift_terminal",
        ["DEISMultistepScheduler"] =
            "num_train_timesteps beta_start beta_end beta_schedule trained_betas solver_order prediction_type thresholding " +
            "dynamic_thresholding_ratio sample_max_value algorithm_type solver_type lower_order_final use_karras_sigmas " +
            "use_exponential_sigmas use_beta_sigmas use_flow_sigmas flow_shift timestep_spacing steps_offset use_dynamic_shifting " +
            "time_shift_type",
        ["LMSDiscreteScheduler"] =
            "num_train_timesteps beta_start beta_end beta_schedule trained_betas use_karras_sigmas use_exponential_sigmas " +
            "use_beta_sigmas prediction_type timestep_spacing steps_offset",
    };

    public static TheoryData<string> Classes() => [.. Written.Keys];

    [Fact]
    public void Every_class_of_a_sampler_is_listed()
        => Assert.Equal(Written.Keys.Order(), Enum.GetValues<SamplerKind>().Select(SamplerKinds.ClassOf).Distinct().Order());

    [Theory]
    [MemberData(nameof(Classes))]
    public void Every_field_that_a_class_writes_is_listed_once(string name)
        => Assert.Equal(Written[name].Split(' ').Order(), SchedulerFields.Classes[name].All.Order());

    [Theory]
    [MemberData(nameof(Classes))]
    public void A_field_is_read_refused_or_without_effect_as_the_list_says(string name)
    {
        SchedulerFields fields = SchedulerFields.Classes[name];
        // No field takes an object.
        foreach (string field in fields.Read)
            Assert.Equal(field, Assert.Throws<ModelConfigException>(() => Read(field, "{}")).Field);
        foreach (string field in fields.Refused)
        {
            Assert.Equal(field, Assert.Throws<ModelConfigException>(() => Read(field, "true")).Field);
            Assert.Equal(Read("_note", "1") with { Json = null, UncorrectedSteps = [] }, Read(field, "false") with { Json = null, UncorrectedSteps = [] });
        }
        IEnumerable<string> others = SchedulerFields.Classes.Values.SelectMany(c => c.All).Except(fields.All);
        foreach (string field in fields.Unused.Concat(others))
            Assert.Equal(Read("_note", "1") with { Json = null, UncorrectedSteps = [] }, Read(field, "{}") with { Json = null, UncorrectedSteps = [] });

        NoiseScheduleConfig Read(string field, string value) => NoiseScheduleConfig.FromJson(ModelConfig.Parse(
            $$"""{"_class_name": "{{name}}"{{(name == "PNDMScheduler" && field != "skip_prk_steps" ? ", \"skip_prk_steps\": true" : "")}}, "{{field}}": {{value}}}""", "x.json"));
    }
}
