using System.Diagnostics;
using System.Text;
using PatchDpo.Tests;
using PatchDpo.Torch.Weights;
using PatchDpo.Torch.Weights.Pickle;
using static PatchDpo.Tests.CheckpointBytes;

namespace PatchDpo.Torch.Tests.Weights.Pickle;

/// <summary>Checkpoints whose pickle would take time or memory beyond its size: each is refused or read within bounds.</summary>
public sealed class PickleBoundsTests : CheckpointRefusals
{
    [Theory]
    [InlineData("]q\0h\0a")]
    [InlineData("]q\0h\0\u0085a")]
    [InlineData("}q\0K\u0001h\0s")]
    public void A_list_tuple_or_dictionary_that_holds_itself_is_refused(string ops) =>
        Refuses(new SamplePickle().Raw(Encoding.Latin1.GetBytes(ops)), "nested more than 32 deep");

    [Fact]
    public void A_dictionary_that_unfolds_to_a_billion_entries_is_refused_in_bounded_time()
    {
        SamplePickle pickle = new SamplePickle().Op("]q\0");
        for (byte level = 1; level < 20; level++)
        {
            pickle.Op("](");
            for (int i = 0; i < 10; i++)
                pickle.Op("h").Raw((byte)(level - 1));
            pickle.Op("eq").Raw(level);
        }
        Stopwatch time = Stopwatch.StartNew();
        long before = GC.GetAllocatedBytesForCurrentThread();
        Refuses(pickle, "refer to each other too often");
        Assert.InRange(time.Elapsed.TotalSeconds, 0, 1);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 2_000_000);
    }

    [Theory]
    [InlineData("collections\nOrderedDict")]
    [InlineData("_codecs\nencode")]
    public void A_call_repeated_with_one_long_argument_is_refused(string name)
    {
        // A few bytes each time: get the function, get the argument, call, keep the result.
        SamplePickle pickle = new SamplePickle().Raw(Encoding.ASCII.GetBytes($"c{name}\n")).Op("q\0");
        if (name.StartsWith('_'))
            pickle.Text(new string('x', 1_000_000)).Text("latin1").Raw(0x86);
        else
            pickle.Op("](").Raw([.. Enumerable.Range(0, 50_000).SelectMany(i => (byte[])[(byte)'M', (byte)i, (byte)(i >> 8), (byte)'N', 0x86])]).Op("e")
                .Raw(0x85);
        pickle.Op("q\u0001](");
        for (int i = 0; i < 10_000; i++)
            pickle.Op("h\0h\u0001R");
        Stopwatch time = Stopwatch.StartNew();
        Refuses(pickle.Op("e"), "take the same arguments apart too often");
        Assert.InRange(time.Elapsed.TotalSeconds, 0, 5);
    }

    [Theory]
    [InlineData("tensor")]
    [InlineData("array")]
    public void A_shape_of_too_many_dimensions_is_refused_at_once(string kind)
    {
        long[] shape = [.. Enumerable.Repeat(1L, 65)];
        SamplePickle pickle = kind == "tensor"
            ? new SamplePickle().Tensor("0", shape, shape)
            : new SamplePickle().Global("numpy.core.multiarray", "_reconstruct").Op("(").Global("numpy", "ndarray").Tuple(0).Op("NtR(").Int(1).Tuple(shape)
                .Global("numpy", "dtype").Op("(").Text("f4").Raw(0x89, 0x88).Op("tR").Raw(0x89).Op("B").Raw(4, 0, 0, 0, 0, 0, 0, 0).Op("tb");
        Refuses(pickle, "has 65 values; the limit is 64");
    }

    // .NET's hash codes of numbers are known: without a seed, these keys would all meet in one bucket.
    [Fact]
    public void Keys_with_chosen_hash_codes_load_in_bounded_time()
    {
        SamplePickle pickle = new SamplePickle().Op("}(");
        for (uint i = 0; i < 100_000; i++)
            pickle.Int((long)(((ulong)i << 32) | i)).Op("N");
        string path = Folder.Write("a.pth", Checkpoint(pickle.Op("u").Stop()));
        Stopwatch time = Stopwatch.StartNew();
        using TorchCheckpoint checkpoint = TorchCheckpoint.Open(path);
        Assert.InRange(time.Elapsed.TotalSeconds, 0, 5);
        Assert.Empty(checkpoint.Keys);
    }

    [Fact]
    public void Keys_that_Python_holds_for_equal_or_unequal_are_so_here()
    {
        SamplePickle pickle = new SamplePickle().Op("}(").Double(0).Int(1).Double(-0.0).Int(2).Double(double.NaN).Int(3).Double(1.5).Int(4).Int(-1).Int(5)
            .Raw(0x88).Int(6).Text("x").Int(7);
        using TorchCheckpoint checkpoint = TorchCheckpoint.Open(Folder.Write("a.pth", Checkpoint(pickle.Op("u").Stop())));
        Assert.Equal(new Dictionary<string, object> { ["0"] = 2L, ["NaN"] = 3L, ["1.5"] = 4L, ["-1"] = 5L, ["True"] = 6L, ["x"] = 7L }, checkpoint.Values);
    }

    [Fact]
    public void A_memo_index_far_from_the_others_is_refused_and_sparse_ones_are_read()
    {
        Refuses(new SamplePickle().Op("Nr").Raw(0xff, 0xff, 0xff, 0xff), "the memo's entry 4294967295 is far from the others");
        Refuses(new SamplePickle().Op("Nq\u0003h\u0002"), "the memo has no entry 2");
        // Python 2 numbers from 1; MEMOIZE takes the number of entries.
        using TorchCheckpoint checkpoint = TorchCheckpoint.Open(Folder.Write("a.pth", Checkpoint(
            new SamplePickle(4).Op("}(").Text("a").Int(1).Op("q\u0001").Text("b").Int(2).Raw(0x94).Text("c").Op("h\u0001").Op("u").Stop())));
        Assert.Equal(new Dictionary<string, object> { ["a"] = 1L, ["b"] = 2L, ["c"] = 2L }, checkpoint.Values);
    }

    [Fact]
    public void Tensors_that_repeat_one_storage_too_often_are_refused()
    {
        SamplePickle Ties(int count)
        {
            SamplePickle pickle = new SamplePickle().Op("](");
            for (int i = 0; i < count; i++)
                pickle.Tensor("0", [4], [1]);
            return pickle.Op("e");
        }
        string path = Folder.Write("a.pth", Checkpoint(Ties(16).Stop()));
        using (TorchCheckpoint checkpoint = TorchCheckpoint.Open(path))
            Assert.Equal(16, checkpoint.Keys.Count);
        AssertRefused<WeightsFormatException>(() => TorchCheckpoint.Open(path, new TorchCheckpointOptions { MaxSharing = 15 }), path,
            "show 256 bytes of the 16 that their storages have; the limit is 15 times");
        RefusesBytes<WeightsFormatException>(Checkpoint(Ties(17).Stop()), "show 272 bytes of the 16");
    }

    [Fact]
    public void Names_that_are_too_long_together_are_refused()
    {
        byte[] Named(int length) => Checkpoint(
            new SamplePickle().Op("}").Text(new string('k', length)).Op("](").Raw([.. Enumerable.Repeat((byte[])[(byte)'K', 1], 1000).SelectMany(b => b)])
                .Op("es").Stop());
        string path = Folder.Write("a.pth", Named(90));
        using (TorchCheckpoint checkpoint = TorchCheckpoint.Open(path))
            Assert.Equal(1000, checkpoint.Values.Count);
        AssertRefused<WeightsFormatException>(() => TorchCheckpoint.Open(path, new TorchCheckpointOptions { MaxPickleBytes = 50_000 }), path,
            "the names together are too long");
        long before = GC.GetAllocatedBytesForCurrentThread();
        WeightsFormatException e = RefusesBytes<WeightsFormatException>(Named(900), "the names together are too long");
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1_000_000);
        Assert.StartsWith("kkk", e.Key);
    }

    // The bound that docs/security.md states: each operation makes one small object at most.
    [Theory]
    [InlineData("}")]
    [InlineData("]")]
    [InlineData("(")]
    [InlineData("K\u0001")]
    [InlineData("U\0")]
    [InlineData("N\u0085")]
    [InlineData("}K\u0001Ns")]
    public void An_operation_allocates_no_more_than_150_bytes(string ops)
    {
        const int Count = 100_000;
        string path = Folder.Write("a.pth", Checkpoint(new SamplePickle().Raw([.. Enumerable.Repeat(Encoding.Latin1.GetBytes(ops), Count).SelectMany(b => b)])
            .Op("(t").Stop()));
        long size = new FileInfo(path).Length, before = GC.GetAllocatedBytesForCurrentThread();
        TorchCheckpoint.Open(path).Dispose();
        int operations = Count * ops.Count(c => c > '\u0001');
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, size + (150L * operations) + 300_000);
    }

    [Fact]
    public void Names_that_grow_by_nesting_are_refused()
    {
        SamplePickle pickle = new();
        for (int i = 0; i < 12; i++)
            pickle.Op("}").Text(new string('k', 100));
        pickle.Tensor("0", [4], [1]);
        for (int i = 0; i < 12; i++)
            pickle.Op("s");
        Refuses(pickle, "longer than 1000 characters");
    }

    [Theory]
    [InlineData(new byte[] { 0x8b, 0xff, 0xff, 0xff, 0x7f }, "2147483647 bytes are asked for")]
    [InlineData(new byte[] { 0x8b, 0xff, 0xff, 0xff, 0xff }, "-1 bytes are asked for")]
    [InlineData(new byte[] { 0x8a, 0xff }, "255 bytes are asked for")]
    [InlineData(new byte[] { (byte)'X', 0xff, 0xff, 0xff, 0xff }, "4294967295 bytes are asked for")]
    [InlineData(new byte[] { (byte)'B', 0xff, 0xff, 0xff, 0xff }, "4294967295 bytes are asked for")]
    [InlineData(new byte[] { (byte)'T', 0xff, 0xff, 0xff, 0xff }, "-1 bytes are asked for")]
    [InlineData(new byte[] { 0x8d, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff }, "a string claims 18446744073709551615 bytes")]
    [InlineData(new byte[] { 0x8e, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f }, "a byte string claims 9223372036854775807 bytes")]
    [InlineData(new byte[] { 0x96, 0, 0, 0, 0, 1, 0, 0, 0 }, "a byte string claims 4294967296 bytes")]
    [InlineData(new byte[] { 0x95, 0, 0, 0, 0, 1, 0, 0, 0 }, "a frame claims 4294967296 bytes")]
    public void A_length_beyond_the_file_is_refused_without_allocating_it(byte[] ops, string problem)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        Refuses(new SamplePickle().Raw(ops), problem);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1_000_000);
    }

    [Fact]
    public void A_pickle_of_too_many_operations_or_bytes_is_refused()
    {
        string path = Folder.Write("a.pth", Checkpoint(new SamplePickle().Op(string.Concat(Enumerable.Repeat("N0", 600))).Op("N").Stop()));
        AssertRefused<WeightsFormatException>(() => TorchCheckpoint.Open(path, new TorchCheckpointOptions { MaxPickleOperations = 1000 }), path,
            "more than 1000 operations");
        AssertRefused<WeightsFormatException>(() => TorchCheckpoint.Open(path, new TorchCheckpointOptions { MaxPickleBytes = 1000 }), path,
            "the limit is 1000");
    }
}
