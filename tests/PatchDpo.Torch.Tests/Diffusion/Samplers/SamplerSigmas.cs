using PatchDpo.Torch.Diffusion.Samplers;

namespace PatchDpo.Torch.Tests.Diffusion.Samplers;

/// <summary>The noise levels of a sampler's run.</summary>
internal static class SamplerSigmas
{
    /// <summary>Before each step and after the last one; null for samplers that go by the signal's share.</summary>
    public static IReadOnlyList<double>? Of(ISampler sampler) => sampler switch
    {
        EulerSampler s => s.Sigmas,
        HeunSampler s => s.Sigmas,
        LmsSampler s => s.Sigmas,
        MultistepSampler s => s.Sigmas,
        _ => null,
    };
}
