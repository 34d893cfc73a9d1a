namespace PatchDpo.Torch.Images;

/// <summary>How <see cref="ImageGrid"/> lays images out.</summary>
public sealed class ImageGridOptions
{
    /// <summary>Side of a cell in pixels, 8 to 4096; images are scaled to fit. 128 unless told.</summary>
    public int CellSize
    {
        get;
        init
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(value, 8);
            ArgumentOutOfRangeException.ThrowIfGreaterThan(value, 4096);
            field = value;
        }
    } = 128;

    /// <summary>Space between cells in pixels, 0 to 256. 6 unless told.</summary>
    public int Gap
    {
        get;
        init
        {
            ArgumentOutOfRangeException.ThrowIfNegative(value);
            ArgumentOutOfRangeException.ThrowIfGreaterThan(value, 256);
            field = value;
        }
    } = 6;

    /// <summary>A heading over each column, or empty.</summary>
    public IReadOnlyList<string> ColumnTitles { get; init; } = [];

    /// <summary>A caption under each row, or empty.</summary>
    public IReadOnlyList<string> RowCaptions { get; init; } = [];
}
