namespace PatchDpo.Torch.Loop;

/// <summary>An endless stream of rows: every row once in a random order, then all again in another. A place in it always holds the same row.</summary>
/// <param name="count">How many rows there are.</param>
/// <param name="draws">Draws the orders.</param>
internal sealed class RowOrder(int count, TrainingDraws draws)
{
    /// <summary>Of more rows the order is computed place by place, because a list of them would grow with the data.</summary>
    public const int MaxListed = 1 << 16;

    // The order that was asked for last, so that it is not drawn for every row.
    private int _epoch = -1;
    private Func<long, long> _order = place => place;

    /// <summary>The rows at some places of the stream.</summary>
    /// <param name="first">The first place, from 0.</param>
    /// <param name="number">How many.</param>
    public long[] At(long first, int number)
    {
        long[] rows = new long[number];
        for (int i = 0; i < number; i++)
            rows[i] = At(first + i);
        return rows;
    }

    private long At(long place)
    {
        int epoch = checked((int)(place / count));
        if (epoch != _epoch)
            (_epoch, _order) = (epoch, OrderOf(epoch));
        return _order(place % count);
    }

    private Func<long, long> OrderOf(int epoch)
    {
        if (count > MaxListed)
            return new KeyedPermutation(count, draws.Key(TrainingDraw.Order, epoch)).At;
        long[] order = draws.Permutation(epoch, count);
        return place => order[place];
    }
}
