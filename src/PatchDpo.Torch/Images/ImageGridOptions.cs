using PatchDpo.Torch.Foundation;

namespace PatchDpo.Torch.Images;

/// <summary>How <see cref="ImageGrid"/> lays images out.</summary>
public sealed class ImageGridOptions
{
    /// <summary>Side of a cell in pixels, 8 to 4096; images are scaled to fit. 128 unless told.</summary>
    public int CellSize
    {
        get;
        init => field = ArgumentRange.Within(value, 8, 4096);
    } = 128;

    /// <summary>Space between cells in pixels, 0 to 256. 6 unless told.</summary>
    public int Gap
    {
        get;
        init => field = ArgumentRange.Within(value, 0, 256);
    } = 6;

    /// <summary>Size of all labels in pixels, 8 to 64. 13 unless told.</summary>
    public int LabelSize
    {
        get;
        init => field = ArgumentRange.Within(value, 8, 64);
    } = 13;

    /// <summary>A heading over each column, or empty.</summary>
    public IReadOnlyList<string> ColumnTitles { get; init; } = [];

    /// <summary>A caption under each row, or empty.</summary>
    public IReadOnlyList<string> RowCaptions { get; init; } = [];

    /// <summary>What colours stand for, below all rows; null (default): none.</summary>
    public ImageGridLegend? Legend { get; init; }

    /// <summary>Lines of text below all, or empty.</summary>
    public IReadOnlyList<string> Footer { get; init; } = [];
}
