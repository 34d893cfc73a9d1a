using PatchDpo.Torch.PatchQuality;

namespace PatchDpo.Tool.Score;

/// <summary>A patch of a generated image, with its box in the image's pixels.</summary>
internal sealed record WorstPatch(int Row, int Column, float Quality, int X, int Y, int Width, int Height)
{
    /// <summary>The patches of lowest quality, worst first. One that touches a worse one is passed over: it is the same fault.</summary>
    public static IReadOnlyList<WorstPatch> Find(QualityMap map, int imageWidth, int imageHeight, int count)
    {
        var found = new List<WorstPatch>();
        foreach (int index in Enumerable.Range(0, map.Values.Length).OrderBy(i => map.Values[i]))
        {
            if (found.Count >= count)
                break;
            int row = index / map.Width, column = index % map.Width;
            if (found.Any(p => Math.Abs(p.Row - row) <= 1 && Math.Abs(p.Column - column) <= 1))
                continue;
            int x = column * imageWidth / map.Width, y = row * imageHeight / map.Height;
            found.Add(new WorstPatch(row, column, map[row, column], x, y,
                ((column + 1) * imageWidth / map.Width) - x, ((row + 1) * imageHeight / map.Height) - y));
        }

        return found;
    }
}
