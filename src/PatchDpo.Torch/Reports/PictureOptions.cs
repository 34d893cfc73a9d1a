namespace PatchDpo.Torch.Reports;

/// <summary>How pictures of a section are shown.</summary>
/// <param name="Section">The section's place on the page, from 1: it keeps ids apart.</param>
/// <param name="Most">Of how many images.</param>
/// <param name="Size">The longer side in pixels.</param>
internal sealed record PictureOptions(int Section, int Most, int Size)
{
    /// <summary>The section's id.</summary>
    public string Anchor => $"s{Section}";
}
