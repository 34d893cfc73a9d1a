namespace PatchDpo.Torch.PatchQuality;

/// <summary>A patch of an image, with its box in the image's pixels.</summary>
/// <param name="Row">From the top, from 0.</param>
/// <param name="Column">From the left, from 0.</param>
/// <param name="Quality">Its quality.</param>
/// <param name="X">Left edge in pixels.</param>
/// <param name="Y">Top edge in pixels.</param>
/// <param name="Width">Width in pixels.</param>
/// <param name="Height">Height in pixels.</param>
public sealed record WorstPatch(int Row, int Column, float Quality, int X, int Y, int Width, int Height)
{
    /// <summary>The patches of lowest quality, worst first. One that touches a worse one is passed over: it is the same fault.</summary>
    /// <param name="map">The quality of each patch.</param>
    /// <param name="imageWidth">The image's width in pixels.</param>
    /// <param name="imageHeight">Its height.</param>
    /// <param name="count">How many at most.</param>
    /// <param name="mask">The object's mask, of any grid over the image; patches outside it are passed over. Null: all count.</param>
    public static IReadOnlyList<WorstPatch> Find(QualityMap map, int imageWidth, int imageHeight, int count, bool[,]? mask = null)
    {
        ArgumentNullException.ThrowIfNull(map);
        bool[,]? inside = mask is null ? null : ForegroundMask.ToPatchGrid(mask, map.Height, map.Width);
        List<WorstPatch> found = [];
        foreach (int index in Enumerable.Range(0, map.Values.Length).OrderBy(i => map.Values[i]))
        {
            if (found.Count >= count)
                break;
            int row = index / map.Width, column = index % map.Width;
            if (inside?[row, column] == false || found.Any(p => Math.Abs(p.Row - row) <= 1 && Math.Abs(p.Column - column) <= 1))
                continue;
            int x = column * imageWidth / map.Width, y = row * imageHeight / map.Height;
            found.Add(new WorstPatch(row, column, map[row, column], x, y,
                ((column + 1) * imageWidth / map.Width) - x, ((row + 1) * imageHeight / map.Height) - y));
        }
        return found;
    }
}
