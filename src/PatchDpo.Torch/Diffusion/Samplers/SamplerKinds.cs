using PatchDpo.Torch.Diffusion.Schedules;

namespace PatchDpo.Torch.Diffusion.Samplers;

/// <summary>The samplers of this library: their names for users, the diffusers classes that they stand for, and how they are made.</summary>
/// <remarks>A new sampler is a member of <see cref="SamplerKind"/>, an entry here and its fields in the list of scheduler fields.</remarks>
public static class SamplerKinds
{
    private static readonly Entry[] Entries =
    [
        new(SamplerKind.Ddim, "ddim", "DDIMScheduler", s => new DdimSampler(s)),
        new(SamplerKind.Euler, "euler", "EulerDiscreteScheduler", s => new EulerSampler(s)),
        new(SamplerKind.DpmSolverPlusPlus2M, "dpmpp-2m", "DPMSolverMultistepScheduler", s => new DpmSolverPlusPlus2M(s)),
        new(SamplerKind.Plms, "plms", "PNDMScheduler", s => new PlmsSampler(s)),
        new(SamplerKind.EulerAncestral, "euler-a", "EulerAncestralDiscreteScheduler", s => new EulerSampler(s, isAncestral: true)),
        new(SamplerKind.Heun, "heun", "HeunDiscreteScheduler", s => new HeunSampler(s)),
        new(SamplerKind.Lcm, "lcm", "LCMScheduler", s => new LcmSampler(s)),
        new(SamplerKind.UniPc, "unipc", "UniPCMultistepScheduler", s => new UniPcSampler(s)),
        new(SamplerKind.DpmSolverPlusPlus2MSde, "dpmpp-2m-sde", "DPMSolverMultistepScheduler", s => new DpmSolverPlusPlus2M(s, isStochastic: true)),
        new(SamplerKind.Deis, "deis", "DEISMultistepScheduler", s => new DeisSampler(s)),
        new(SamplerKind.Lms, "lms", "LMSDiscreteScheduler", s => new LmsSampler(s)),
    ];

    /// <summary>The names that programs take (<c>--scheduler</c>), one for each kind.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. Entries.Select(e => e.Name)];

    /// <summary>The kind that a program's user names.</summary>
    /// <param name="name">One of <see cref="Names"/>.</param>
    /// <exception cref="ArgumentException">It is none of them; the message lists them.</exception>
    public static SamplerKind Parse(string name)
        => Array.Find(Entries, e => e.Name == name)?.Kind
            ?? throw new ArgumentException($"'{name}' is no sampler: give one of {string.Join(", ", Names)}.", nameof(name));

    /// <summary>The name that programs take for a kind.</summary>
    /// <exception cref="ArgumentOutOfRangeException">No member of the enumeration.</exception>
    public static string NameOf(SamplerKind kind) => Find(kind).Name;

    /// <summary>The kind that a diffusers scheduler class stands for; null where this library has none.</summary>
    /// <param name="className">Such as <c>EulerDiscreteScheduler</c>.</param>
    public static SamplerKind? OfClass(string className) => Array.Find(Entries, e => e.ClassName == className)?.Kind;

    /// <summary>The diffusers class of a kind; two of ours are variants of one class.</summary>
    internal static string ClassOf(SamplerKind kind) => Find(kind).ClassName;

    /// <summary>Tells how to choose another sampler, as the end of a sentence without its stop.</summary>
    internal static string Choose { get; } =
        $"choose a sampler (--scheduler {string.Join(", ", Names.SkipLast(1))} or {Names[^1]}; in code, {nameof(SamplerKind)})";

    /// <summary>Makes a sampler over a schedule whose configuration was read for it.</summary>
    internal static ISampler Create(SamplerKind kind, NoiseSchedule schedule) => Find(kind).Create(schedule);

    private static Entry Find(SamplerKind kind)
        => Array.Find(Entries, e => e.Kind == kind) ?? throw new ArgumentOutOfRangeException(nameof(kind), kind, "No member of the enumeration.");

    private sealed record Entry(SamplerKind Kind, string Name, string ClassName, Func<NoiseSchedule, ISampler> Create);
}
