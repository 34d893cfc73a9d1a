namespace PatchDpo.Torch.Weights;

/// <summary>How one tensor comes from a source that names or packs its tensors in another way.</summary>
/// <param name="Kind">What is done.</param>
/// <param name="Keys">
/// The source's keys: one, for <see cref="MappedTensorKind.Stack"/> those to be put below each other, for <see cref="MappedTensorKind.Zero"/> none.
/// </param>
/// <param name="Part">For <see cref="MappedTensorKind.Third"/>: which third of the rows, 0 to 2.</param>
internal sealed record MappedTensor(MappedTensorKind Kind, IReadOnlyList<string> Keys, int Part = 0)
{
    /// <summary>The tensor itself under another name.</summary>
    public static MappedTensor Copy(string key) => new(MappedTensorKind.Copy, [key]);
}
