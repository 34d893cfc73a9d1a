using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.PatchQuality;
using PatchDpo.Torch.Personalization;

namespace PatchDpo.Torch.DataConstruction;

/// <summary>How a data set of pairs is built.</summary>
/// <remarks>The paper's numbers of images are not known to us; the defaults are ours.</remarks>
public sealed class PairBuilderOptions
{
    /// <summary>How many references, and so samples, the data set gets; at least 1. Default 100.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Less than 1.</exception>
    public int References { get; init => field = ArgumentRange.Within(value, 1); } = 100;

    /// <summary>How many images are generated of each reference, 1 to 10,000. Default 1, as the official data set class reads unless told otherwise.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Less than 1 or more than 10,000.</exception>
    public int GenerationsPerReference { get; init => field = ArgumentRange.Within(value, 1, 10_000); } = 1;

    /// <summary>
    /// How references are drawn: by the model without an image prompt. With an adapter scale of null or above 0 the image prompt
    /// is that of a dropped image; take 0 for a model that was never trained with dropped images.
    /// </summary>
    public GenerationOptions ReferenceGeneration { get; init => field = value ?? throw new ArgumentNullException(nameof(ReferenceGeneration)); } = new();

    /// <summary>How the model draws from a prompt and its reference: as it will be used, since its faults are what PatchDPO learns from.</summary>
    public GenerationOptions Generation { get; init => field = value ?? throw new ArgumentNullException(nameof(Generation)); } = new();

    /// <summary>Which drawn images become references.</summary>
    public ReferenceFilterOptions Filter { get; init => field = value ?? throw new ArgumentNullException(nameof(Filter)); } = new();

    /// <summary>
    /// Whether plain backgrounds are left out of the maps, on both sides: their patches can match nothing and have quality 1. A
    /// generated image without a plain background, as <see cref="Filter"/> understands it, counts as a whole. Default false, as in the paper.
    /// </summary>
    public bool MaskPlainBackground { get; init; }

    /// <summary>
    /// Views of each reference that generated patches may match beside it, for generations that turn or shrink its object. Null (default): none, as in the
    /// paper.
    /// </summary>
    public ReferenceViews? ReferenceViews { get; init; }

    /// <summary>
    /// Has generated objects brought to their references' place and size before patches are compared: p is then how likely a patch is right, and wants no
    /// stretching when it becomes weights. Needs <see cref="MaskPlainBackground"/>, whose masks it takes, and goes without <see cref="ReferenceViews"/>. A
    /// pair of which either image has no plain background is scored without. Null (default): none, as in the paper.
    /// </summary>
    public ObjectAlignment? ObjectAlignment { get; init; }

    /// <summary>
    /// How quality becomes the values of <c>patch_quality.pkl</c>, which the official script takes as weights as they stand. Default: p clamped to
    /// [0, 1]. <c>maps.safetensors</c> holds p itself.
    /// </summary>
    public WeightMapOptions PickleWeights { get; init => field = value ?? throw new ArgumentNullException(nameof(PickleWeights)); } = new();

    /// <summary>
    /// What all images are written as, without loss. Default PNG, which the official script asks for: in another format the folder
    /// <c>pairs</c> is for <see cref="PairFolder"/> alone, and has no <c>patch_quality.pkl</c>.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The format is unknown.</exception>
    public ImageFormat ImageFormat
    {
        get;
        init => field = Enum.IsDefined(value) ? value : throw new ArgumentOutOfRangeException(nameof(ImageFormat), value, "Unknown image format.");
    } = ImageFormat.Png;

    /// <summary>
    /// After how many candidates without enough references among them building gives up, at least 1; null (default): 10 for each reference. It may
    /// change when a build is continued.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">Less than 1.</exception>
    public int? MaxCandidates { get; init => field = value is int v ? ArgumentRange.Within(v, 1) : null; }
}
