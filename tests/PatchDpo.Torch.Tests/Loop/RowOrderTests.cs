using PatchDpo.Torch.Loop;

namespace PatchDpo.Torch.Tests.Loop;

public class RowOrderTests
{
    [Fact]
    public void Every_row_comes_once_before_any_comes_again()
    {
        var order = new RowOrder(5, new TrainingDraws(1));
        long[] taken = [.. Enumerable.Range(0, 5).SelectMany(i => order.At(i * 4, 4))];
        foreach (long[] round in taken.Chunk(5))
            Assert.Equal([0, 1, 2, 3, 4], round.Order());
        Assert.NotEqual(taken[..5], taken[5..10]);
    }

    [Fact]
    public void A_place_holds_the_same_row_whatever_was_asked_before()
    {
        RowOrder forward = new(7, new TrainingDraws(3)), backward = new(7, new TrainingDraws(3));
        long[] all = forward.At(0, 50);
        for (int place = 49; place >= 0; place--)
            Assert.Equal(all[place], Assert.Single(backward.At(place, 1)));
        Assert.NotEqual(all, new RowOrder(7, new TrainingDraws(4)).At(0, 50));
    }

    [Fact]
    public void Every_order_is_as_likely()
    {
        const int Epochs = 24_000;
        var draws = new TrainingDraws(9);
        var counts = Enumerable.Range(0, Epochs).CountBy(epoch => string.Join(',', draws.Permutation(epoch, 4))).ToDictionary();
        Assert.Equal(24, counts.Count);
        // Chi squared of 23 degrees of freedom: 49.7 is exceeded once in a thousand.
        Assert.InRange(counts.Values.Sum(n => Math.Pow(n - 1000, 2) / 1000), 5, 49.7);
    }

    [Fact]
    public void One_row_is_an_order_too() => Assert.Equal([0, 0, 0], new RowOrder(1, new TrainingDraws(0)).At(5, 3));

    [Theory]
    [InlineData(RowOrder.MaxListed)]
    [InlineData(RowOrder.MaxListed + 1)]
    [InlineData(100_003)]
    public void Orders_that_are_not_listed_have_every_row_once_too_and_differ_by_epoch_and_seed(int count)
    {
        var order = new RowOrder(count, new TrainingDraws(1));
        long[] first = order.At(0, count), second = order.At(count, count);
        Assert.Equal(Enumerable.Range(0, count).Select(i => (long)i), first.Order());
        Assert.Equal(Enumerable.Range(0, count).Select(i => (long)i), second.Order());
        Assert.NotEqual(first, second);
        Assert.NotEqual(first, new RowOrder(count, new TrainingDraws(2)).At(0, count));
        Assert.Equal(first[77], order.At(77, 1)[0]);
        // No row stays near its place: neighbours lie a third of the data apart on the average, as at random.
        double apart = first.Zip(first.Skip(1), (a, b) => Math.Abs(a - b)).Average();
        Assert.InRange(apart, 0.32 * count, 0.347 * count);
        // How many rows stay at their place is Poisson's with mean 1.
        Assert.InRange(first.Index().Count(p => p.Index == p.Item), 0, 7);
    }
}
