namespace PatchDpo.MLNet;

/// <summary>Which sample a row is of.</summary>
internal sealed class SampleRow
{
    public int Sample { get; set; }
}
