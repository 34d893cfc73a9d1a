using PatchDpo.Torch.Diffusion;

namespace PatchDpo.Torch.Personalization;

/// <summary>How images are generated.</summary>
public sealed record GenerationOptions
{
    /// <summary>The default of <see cref="MaxPromptCharacters"/>.</summary>
    public const int DefaultMaxPromptCharacters = 2_000;

    /// <summary>Sampling steps, at least 1 (LCM: at most its teacher's, as a rule 50). Default 30 (the official inference script).</summary>
    /// <exception cref="ArgumentOutOfRangeException">Less than 1.</exception>
    public int Steps { get; init => field = AtLeastOne(value, nameof(Steps)); } = 30;

    /// <summary>Weight of the prompt against the negative prompt; at most 1 samples without guidance. Default 5 (diffusers' SDXL pipeline, which the official script uses; its pipeline of Stable Diffusion 1.5 has 7.5).</summary>
    /// <exception cref="ArgumentOutOfRangeException">Negative or not finite.</exception>
    public double GuidanceScale { get; init => field = Finite(value, nameof(GuidanceScale)); } = 5;

    /// <summary>Weight of the image prompt beside the text; null (default) takes the model's. The official scripts have 0.78 for DreamBench, 0.65 for its Kosmos-G setting; 0 leaves the image prompt out.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Negative or not finite.</exception>
    public double? AdapterScale { get; init => field = value is double v ? Finite(v, nameof(AdapterScale)) : null; }

    /// <summary>How several references of a request become one image prompt. Default: averaged, as photos of one object (the official inference script); see <see cref="Personalization.ReferenceFusion.Concatenate"/> for several objects.</summary>
    /// <exception cref="ArgumentOutOfRangeException">No member of the enumeration.</exception>
    public ReferenceFusion ReferenceFusion
    {
        get;
        init => field = Enum.IsDefined(value) ? value : throw new ArgumentOutOfRangeException(nameof(ReferenceFusion), value, $"{nameof(ReferenceFusion)} is a member of the enumeration.");
    }

    /// <summary>What not to show. The default is the official inference script's.</summary>
    public string NegativePrompt { get; init => field = value ?? throw new ArgumentNullException(nameof(NegativePrompt)); } = "monochrome, lowres, bad anatomy, worst quality, low quality";

    /// <summary>Seed of the starting noise and of what samplers add on the way; each request has its own noise of it. Default 42 (the official inference script).</summary>
    public long Seed { get; init; } = 42;

    /// <summary>Images that are generated together, at least 1; it does not change them but for rounding. Requests with different numbers of concatenated references above one, whose least common multiple is above 60, are generated apart. Default 4 (ours).</summary>
    /// <exception cref="ArgumentOutOfRangeException">Less than 1.</exception>
    public int BatchSize { get; init => field = AtLeastOne(value, nameof(BatchSize)); } = 4;

    /// <summary>Width in pixels, a multiple of the model's latent scale; null (default) takes the size that the model was trained for.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Less than 1.</exception>
    public int? Width { get; init => field = value is int v ? AtLeastOne(v, nameof(Width)) : null; }

    /// <summary>Height in pixels, a multiple of the model's latent scale; null (default) takes the size that the model was trained for.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Less than 1.</exception>
    public int? Height { get; init => field = value is int v ? AtLeastOne(v, nameof(Height)) : null; }

    /// <summary>
    /// The sampling method; null (default) takes the one that the model's scheduler configuration names. A chosen one reads its own fields of
    /// that configuration, whatever class it names; see <see cref="SamplerKinds"/> for the names that programs take.
    /// </summary>
    public SamplerKind? Sampler { get; init; }

    /// <summary>The longest prompt that is accepted, in characters. Default 2,000 (ours).</summary>
    /// <exception cref="ArgumentOutOfRangeException">Less than 1.</exception>
    public int MaxPromptCharacters { get; init => field = AtLeastOne(value, nameof(MaxPromptCharacters)); } = DefaultMaxPromptCharacters;

    private static int AtLeastOne(int value, string name)
        => value >= 1 ? value : throw new ArgumentOutOfRangeException(name, value, $"{name} is at least 1.");

    private static double Finite(double value, string name)
        => double.IsFinite(value) && value >= 0 ? value : throw new ArgumentOutOfRangeException(name, value, $"{name} is a finite number of at least 0.");
}
