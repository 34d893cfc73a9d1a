using PatchDpo.Torch.Adapters;
using PatchDpo.Torch.Clip;
using PatchDpo.Torch.Diffusion.Samplers;
using PatchDpo.Torch.Foundation;

namespace PatchDpo.Torch.Personalization;

/// <summary>How images are generated.</summary>
public sealed record GenerationOptions
{
    /// <summary>The default of <see cref="MaxPromptCharacters"/>.</summary>
    public const int DefaultMaxPromptCharacters = 2_000;

    private const int MaxBatchSize = 65_536;
    private const int MaxSide = 16_384;

    /// <summary>Sampling steps, at least 1 (LCM: at most its teacher's, as a rule 50). Default 30 (the official inference script).</summary>
    /// <exception cref="ArgumentOutOfRangeException">Less than 1.</exception>
    public int Steps { get; init => field = ArgumentRange.Within(value, 1); } = 30;

    /// <summary>
    /// Weight of the prompt against the negative prompt; at most 1 samples without guidance. At least 0, at most 1e37. Default 5 (diffusers' SDXL
    /// pipeline, which the official script uses; its pipeline of Stable Diffusion 1.5 has 7.5).
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">Outside [0, 1e37].</exception>
    public double GuidanceScale { get; init => field = ArgumentRange.NotNegative(value); } = 5;

    /// <summary>
    /// Weight of the image prompt beside the text; null (default) takes the model's. The official scripts have 0.78 for DreamBench, 0.65 for its
    /// Kosmos-G setting; 0 leaves the image prompt out.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">Outside [0, 65504] (float16's range).</exception>
    public double? AdapterScale { get; init => field = value is double v ? ArgumentRange.NotNegative(v, ArgumentRange.LargestScale) : null; }

    /// <summary>
    /// How several references of a request become one image prompt. Default: averaged, as photos of one object (the official inference script); see
    /// <see cref="Adapters.ReferenceFusion.Concatenate"/> for several objects.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">No member of the enumeration.</exception>
    public ReferenceFusion ReferenceFusion
    {
        get;
        init => field = ArgumentRange.Member(value);
    }

    /// <summary>
    /// MS-Diffusion: lays all objects out by their names from a step on, whatever boxes they have. Default: null; objects with a box are where it is, those
    /// without are laid out with the defaults of <see cref="Adapters.AutomaticLayout"/>. Other families leave it unread.
    /// </summary>
    public AutomaticLayout? AutomaticLayout { get; init; }

    /// <summary>What not to show. The default is the official inference script's.</summary>
    public string NegativePrompt { get; init => field = value
        ?? throw new ArgumentNullException(nameof(NegativePrompt)); } = "monochrome, lowres, bad anatomy, worst quality, low quality";

    /// <summary>
    /// Seed of the starting noise and of what samplers add on the way, any number; each request has its own noise of it, drawn on the CPU and the
    /// same on every machine. Default 42
    /// (the official inference script).
    /// </summary>
    /// <remarks>
    /// The same seed, requests and options give equal bits on the same machine, device, number type and number of threads. Another number of
    /// threads, batch size, device or processor adds the terms of sums in another order: the pictures differ by rounding, which no one sees in
    /// float32; float16 and bfloat16 round more coarsely, so that details of a picture may differ.
    /// </remarks>
    public long Seed { get; init; } = 42;

    /// <summary>
    /// Images that are generated together, 1 to 65,536; it does not change them but for rounding. Requests with different numbers of concatenated
    /// references above one, whose least common multiple is above 60, are generated apart, and those of ELITE, whose rows mix, one by one. Default 4 (not
    /// in the paper).
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">Less than 1 or more than 65,536.</exception>
    public int BatchSize { get; init => field = ArgumentRange.Within(value, 1, MaxBatchSize); } = 4;

    /// <summary>Width in pixels, a multiple of the model's latent scale; null (default) takes the size that the model was trained for.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Less than 1 or more than 16,384.</exception>
    public int? Width { get; init => field = value is int v ? ArgumentRange.Within(v, 1, MaxSide) : null; }

    /// <summary>Height in pixels, a multiple of the model's latent scale; null (default) takes the size that the model was trained for.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Less than 1 or more than 16,384.</exception>
    public int? Height { get; init => field = value is int v ? ArgumentRange.Within(v, 1, MaxSide) : null; }

    /// <summary>
    /// The sampling method; null (default) takes the one that the model's scheduler configuration names. A chosen one reads its own fields of
    /// that configuration, whatever class it names; see <see cref="SamplerKinds"/> for the names that programs take.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">No member of the enumeration.</exception>
    public SamplerKind? Sampler { get; init => field = value is SamplerKind v ? ArgumentRange.Member(v) : null; }

    /// <summary>The longest prompt that is accepted, in characters, the negative prompt included. Default 2,000 (not in the paper).</summary>
    /// <exception cref="ArgumentOutOfRangeException">Less than 1.</exception>
    public int MaxPromptCharacters { get; init => field = ArgumentRange.Within(value, 1); } = DefaultMaxPromptCharacters;

    /// <summary>
    /// Whether a prompt may be empty or white space, which leaves the picture to the references (and, without one, to chance). Default false: an empty
    /// prompt, as a row without a value gives one, is an error (<see cref="EmptyPromptException"/>) before anything is generated.
    /// </summary>
    public bool AllowEmptyPrompts { get; init; }

    /// <summary>
    /// Whether a prompt, or the negative prompt, that has more tokens than the text encoder takes is an error
    /// (<see cref="TruncatedPromptException"/>) before anything is generated. Default false, as in diffusers: it is cut, and told by
    /// <see cref="GenerationProgress.TruncatedPrompts"/>.
    /// </summary>
    public bool RefuseTruncatedPrompts { get; init; }
}
