using PatchDpo.Torch.Weights.Pickle;

namespace PatchDpo.Torch.Tests.Weights.Pickle;

public class PickleWriterTests
{
    [Fact]
    public void Values_come_back()
    {
        long[] integers = [0, 255, 256, 65_535, 65_536, int.MaxValue, -1, int.MinValue, (long)int.MaxValue + 1, long.MinValue, long.MaxValue];
        object? read = Read(pickle => pickle.List<Action>(
        [
            () => pickle.Tuple(integers),
            () => pickle.Tuple([1, 2]),
            () => pickle.Tuple(count: 0),
            () => pickle.Text("a\nä🐱"),
            () => pickle.Text(new string('x', 300)),
            () => pickle.Text("a\nä🐱"),
            () => pickle.Bytes([1, 2]),
            () => pickle.Bytes(new byte[300]),
            pickle.None,
            () => pickle.Boolean(true),
            () => pickle.Boolean(false),
            () => pickle.Dictionary<long>([new("k", 5)], pickle.Integer),
            () => pickle.List<long>([], pickle.Integer),
        ], write => write()));
        List<object?> list = Assert.IsType<List<object?>>(read);
        Assert.Equal(integers.Cast<object?>(), Assert.IsType<object?[]>(list[0]));
        Assert.Equal([1L, 2L], Assert.IsType<object?[]>(list[1]));
        Assert.Empty(Assert.IsType<object?[]>(list[2]));
        Assert.Equal(["a\nä🐱", new string('x', 300), "a\nä🐱", new byte[] { 1, 2 }, new byte[300], null, true, false], list[3..11]);
        Assert.Equal(5L, Assert.IsType<PickleDictionary>(list[11]).Get("k"));
        Assert.Empty(Assert.IsType<List<object?>>(list[12]));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(999)]
    [InlineData(1000)]
    [InlineData(1001)]
    [InlineData(2000)]
    public void Lists_and_dictionaries_of_any_length_come_back(int count)
    {
        long[] values = [.. Enumerable.Range(0, count)];
        Assert.Equal(values.Cast<object?>(), Read(pickle => pickle.List(values, pickle.Integer)));
        KeyValuePair<string, long>[] items = [.. values.Select(v => KeyValuePair.Create($"k{v}", v))];
        PickleDictionary dictionary = Assert.IsType<PickleDictionary>(Read(pickle => pickle.Dictionary(items, pickle.Integer)));
        Assert.Equal(items.Select(i => KeyValuePair.Create((object)i.Key, (object?)i.Value)), dictionary.Items);
    }

    [Fact]
    public void Half_a_surrogate_pair_is_refused() => Assert.ThrowsAny<ArgumentException>(() => Read(pickle => pickle.Text("\ud800")));

    private static object? Read(Action<PickleWriter> write)
    {
        using MemoryStream stream = new();
        PickleWriter pickle = new(stream, protocol: 3);
        write(pickle);
        pickle.Stop();
        stream.Position = 0;
        object? value = new PickleReader(stream, "memory", 100_000).Load();
        Assert.Equal(stream.Length, stream.Position);
        return value;
    }
}
