using PatchDpo.Torch.Adapters;
using PatchDpo.Torch.Adapters.Elite;
using PatchDpo.Torch.Diffusion;
using PatchDpo.Torch.Diffusion.Samplers;
using PatchDpo.Torch.Diffusion.Schedules;
using PatchDpo.Torch.Personalization;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Adapters.Elite;

/// <summary>Both halves of guidance in one network call, with LMS, against the reference's two calls a step.</summary>
public class EliteSamplingTests
{
    [Fact]
    public void Guided_sampling_matches_at_every_step()
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        EliteFixture elite = new();
        HashSet<string> seen = [];
        Tensor one = elite.Inject(elite.Global.Words(elite.WholeStates, 1)), patches = elite.LocalTokens();
        PromptConditions positive = Conditions(one, patches, elite.Index);
        PromptConditions negative = Conditions(elite.Text.Encode(elite.Io["in.uncond_ids"]).LastHiddenState, zeros_like(patches), full_like(elite.Index, -1));
        NoiseSchedule schedule = new(new NoiseScheduleConfig { BetaSchedule = BetaSchedule.ScaledLinear, BetaStart = 0.00085, BetaEnd = 0.012 });
        using ISampler sampler = schedule.CreateSampler(SamplerKind.Lms);
        int steps = elite.Json.GetProperty("config").GetProperty("lms_steps").GetInt32();

        GuidedSampling.Run(
            ConditionedNetwork.Of((x, t, c) => elite.UNet.forward(
                x, t, c.Text.HiddenStates, imagePrompt: elite.Layers.Branch(c.Image, new BranchSettings(elite.Scale, ScalarType.Float32,
                    c.UnconditionalRows)))),
            sampler, steps, guidanceScale: 5, elite.Io["in.lms.latents_unit"], positive, negative, Compare, CancellationToken.None);

        elite.Close("lms.timesteps", tensor(sampler.Timesteps.ToArray()), seen);
        elite.Close("lms.sigmas", tensor(((LmsSampler)sampler).Sigmas.ToArray()), seen);
        Assert.Equal(elite.Io.Keys.Where(k => k.StartsWith("out.lms.", StringComparison.Ordinal)).Select(k => k["out.".Length..]).Order(StringComparer.Ordinal),
            seen.Order(StringComparer.Ordinal));

        void Compare(GuidedStep step)
        {
            elite.Close($"lms.latents.{step.Index}", step.Latents, seen);
            if (step.Index > 0)
                return;
            elite.Close("lms.step0.cond", step.Conditional, seen);
            elite.Close("lms.step0.uncond", step.Unconditional!, seen);
        }
    }

    private static PromptConditions Conditions(Tensor text, Tensor patches, Tensor places) => new(
        new TextConditions(text),
        new ImagePrompt(new Dictionary<string, Tensor> { [ElitePromptEncoder.Patches] = patches, [ElitePromptEncoder.Place] = places }),
        zeros(text.shape[0], 6));
}
