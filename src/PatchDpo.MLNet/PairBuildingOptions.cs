using PatchDpo.MLNet.Interop;
using PatchDpo.Torch.DataConstruction;

namespace PatchDpo.MLNet;

/// <summary>How <see cref="PatchDpoCatalog.BuildPairs"/> builds a data set.</summary>
public sealed class PairBuildingOptions
{
    /// <summary>The text column with prompts. Default: Prompt.</summary>
    public string PromptColumnName { get; init => field = ColumnName.Checked(value); } = "Prompt";

    /// <summary>Numbers of images, generation, filter.</summary>
    public PairBuilderOptions Builder { get; init => field = value ?? throw new ArgumentNullException(nameof(Builder)); } = new();

    /// <summary>The folder of a CLIP model (both towers and the tokenizer), where the filter has a least CLIP-T; null (default): none.</summary>
    public string? ClipFolder { get; init; }

    /// <summary>Called after each sampling step and each batch; null (default): none.</summary>
    public Action<PairBuildProgress>? ProgressCallback { get; init; }

    /// <summary>Stops the build; the same call continues it.</summary>
    public CancellationToken CancellationToken { get; init; }
}
