using PatchDpo.Torch.Foundation;

namespace PatchDpo.Torch.Tests.Foundation;

public sealed class RecentValuesTests
{
    [Fact]
    public void What_has_not_been_used_for_longest_goes_first()
    {
        RecentValues<string, int> values = new(10, weight => weight);
        values.Add("a", 4);
        values.Add("b", 4);
        Assert.True(values.TryGet("a", out int a));
        values.Add("c", 4);
        Assert.Equal((4, true, false, true, 8L), (a, values.Contains("a"), values.Contains("b"), values.Contains("c"), values.Weight));
    }

    [Fact]
    public void A_value_heavier_than_all_is_not_kept_and_a_new_one_takes_the_olds_place()
    {
        RecentValues<string, int> values = new(10, weight => weight);
        values.Add("a", 3);
        values.Add("a", 5);
        Assert.Equal(5, values.Weight);
        values.Add("b", 11);
        Assert.Equal((false, 0L), (values.Contains("b"), values.Weight));
        values.Add("c", 2);
        values.Clear();
        Assert.Equal((false, 0L), (values.TryGet("c", out _), values.Weight));
    }

    [Fact]
    public void Threads_may_share_it()
    {
        RecentValues<int, int> values = new(50, _ => 1);
        Parallel.For(0, 20_000, i =>
        {
            values.Add(i % 97, i % 97);
            if (values.TryGet((i * 31) % 97, out int found))
                Assert.Equal((i * 31) % 97, found);
        });
        Assert.Equal(50, values.Weight);
    }
}
