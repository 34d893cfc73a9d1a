namespace PatchDpo.Torch.PatchQuality;

/// <summary>
/// Finds the place, the size and the side to which a generated object is brought so that most of it has its reference's colours. It starts from the masks'
/// centres and areas, which what one of the two has beside the other, a hat or a flag, moves and changes.
/// </summary>
internal static class ColorPlacing
{
    // Places up to this share of the reference's longer side away, sizes from 0.85 to 1.15 of the masks'.
    private const double Reach = 0.1, SizeStep = 0.05;
    private const int SizesEachWay = 3;

    // Cells from one place to the next, and between cells that are compared.
    private const int Coarse = 2;

    // What a cell counts for that shows the object at all, beside the 1 for its colour.
    private const double Covered = 0.3;

    // Of colours further apart it does not matter how far: of a fault it does not matter how wrong it is.
    private const double Spread = 0.15;

    /// <summary>Where most agrees, by steps of a cell and a fortieth of the size.</summary>
    /// <returns>From the generated object's cells to its reference's.</returns>
    public static ObjectPlacing Find(ObjectColors generated, ObjectColors reference)
    {
        (double area, double x, double y) = generated.Moments();
        (double wantedArea, double wantedX, double wantedY) = reference.Moments();
        int side = Math.Max(reference.Height, reference.Width), steps = (int)Math.Round(Reach * side / Coarse);
        (double Worth, Change Change) best = (double.NegativeInfinity, default);
        foreach (bool mirrored in new[] { false, true })
            Try(new Change(mirrored, 0, 0, 0), SizesEachWay, SizeStep, steps, Coarse);
        Try(best.Change, 1, SizeStep / 2, 1, 1);
        return Placing(best.Change);

        void Try(Change start, int sizes, double sizeStep, int places, int placeStep)
        {
            for (int size = -sizes; size <= sizes; size++)
                for (int down = -places; down <= places; down++)
                    for (int right = -places; right <= places; right++)
                    {
                        Change change = start with
                        {
                            Size = start.Size + (size * sizeStep), X = start.X + (right * placeStep), Y = start.Y + (down * placeStep),
                        };
                        double worth = Agreement(generated, reference, Placing(change)) - change.Cost(side);
                        if (worth > best.Worth)
                            best = (worth, change);
                    }
        }

        ObjectPlacing Placing(Change change)
        {
            double scale = Math.Sqrt(wantedArea / area) * (1 + change.Size);
            return new ObjectPlacing(generated.Width, change.Mirrored, scale,
                wantedX + change.X - ((change.Mirrored ? generated.Width - x : x) * scale), wantedY + change.Y - (y * scale));
        }
    }

    // The mean over the reference's cells.
    private static double Agreement(ObjectColors generated, ObjectColors reference, ObjectPlacing placing)
    {
        (double sum, int count) = (0, 0);
        for (int row = 0; row < reference.Height; row += Coarse)
            for (int column = 0; column < reference.Width; column += Coarse)
            {
                if (!reference.IsObject(row, column))
                    continue;
                count++;
                (double x, double y) = placing.SourceOf(column + 0.5, row + 0.5);
                (int fromRow, int fromColumn) = ((int)Math.Floor(y), (int)Math.Floor(x));
                if (generated.IsObject(fromRow, fromColumn))
                    sum += Covered + Math.Exp(-reference.SquaredDistance(row, column, generated, fromRow, fromColumn) / (2 * Spread * Spread));
            }
        return count == 0 ? 0 : sum / count;
    }

    /// <summary>How a place differs from the masks': of the size by a share, of the place in cells.</summary>
    private readonly record struct Change(bool Mirrored, double Size, double X, double Y)
    {
        /// <summary>What it has to be better by.</summary>
        public double Cost(int side) => (Size * Size) + (((X * X) + (Y * Y)) / (side * (double)side));
    }
}
