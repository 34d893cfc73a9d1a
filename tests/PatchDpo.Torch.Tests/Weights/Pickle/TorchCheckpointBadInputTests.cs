using System.Text;
using PatchDpo.Tests;
using PatchDpo.Torch.Weights;
using PatchDpo.Torch.Weights.Pickle;
using TorchSharp;
using static PatchDpo.Tests.CheckpointBytes;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Weights.Pickle;

/// <summary>Broken checkpoints: each gives an exception of a documented type that names the file and the fault.</summary>
public sealed class TorchCheckpointBadInputTests : CheckpointRefusals
{
    [Theory]
    [InlineData("0", "the stack is empty")]
    [InlineData("]a", "the stack is empty")]
    [InlineData("}s", "the stack is empty")]
    [InlineData("R", "the stack is empty")]
    [InlineData("b", "the stack is empty")]
    [InlineData("Q", "the stack is empty")]
    [InlineData("t", "no mark")]
    [InlineData("e", "no mark")]
    [InlineData("u", "no mark")]
    [InlineData("1", "no mark")]
    [InlineData("h\u0007", "the memo has no entry 7")]
    [InlineData("q\u0000", "the stack is empty")]
    [InlineData("}(0", "the stack is empty")]
    [InlineData("", "the stack is empty")]
    public void An_underflow_of_stack_marks_or_memo_is_refused(string ops, string problem) =>
        Refuses(new SamplePickle().Op(ops), problem);

    [Fact]
    public void A_dictionary_without_a_value_or_with_an_odd_key_is_refused()
    {
        Refuses(new SamplePickle().Op("}(").Text("a").Op("u"), "a key without a value");
        Refuses(new SamplePickle().Op("})Ns"), "a key that is a tuple");
        Refuses(new SamplePickle().Op("]").Text("a").Op("Ns"), "entries are set in a list");
        Refuses(new SamplePickle().Op("}Na"), "items are appended to a dictionary");
    }

    [Theory]
    [InlineData(0x97)]
    [InlineData(0x98)]
    public void Out_of_band_buffers_are_refused(byte op) => Refuses(new SamplePickle(5).Raw(op), "out-of-band buffers are not supported");

    [Fact]
    public void Other_protocols_opcodes_and_ends_are_refused()
    {
        Refuses(new SamplePickle(6), "pickle protocol 6 is not supported");
        Refuses(new SamplePickle().Raw(0xff), "the opcode 0xff is unknown");
        Refuses(new SamplePickle().Op("I1\n"), "the opcode 0x49 is unknown or not supported");
        RefusesBytes<WeightsFormatException>(Checkpoint([0x80, 2, (byte)'N']), "the pickle ends before its STOP");
        Refuses(new SamplePickle().Raw((byte)'X', 1, 0, 0, 0, 0xff), "not valid UTF-8");
        Refuses(new SamplePickle().Op("c" + new string('x', 2000)), "longer than 1000 bytes");
    }

    [Theory]
    [InlineData("../x")]
    [InlineData("/etc/passwd")]
    [InlineData("")]
    [InlineData("0\0")]
    public void A_storage_key_that_is_no_plain_name_is_refused(string key) =>
        Refuses(new SamplePickle().Tensor(key, [4], [1]), "is not made of letters and digits");

    [Theory]
    [InlineData("FloatStorage", 5, "has 16 bytes, but the storage of 5 F32 needs 20")]
    [InlineData("DoubleStorage", 4, "has 16 bytes, but the storage of 4 F64 needs 32")]
    [InlineData("FloatStorage", long.MaxValue, "needs 36893488147419103228")]
    [InlineData("FloatStorage", -1, "has -1 elements")]
    public void A_storage_of_another_size_than_its_entry_is_refused(string type, long count, string problem) =>
        Refuses(new SamplePickle().Tensor("0", [1], [1], type: type, count: count), problem);

    [Fact]
    public void A_storage_that_is_missing_or_named_in_two_ways_is_refused()
    {
        Refuses(new SamplePickle().Tensor("7", [4], [1]), "no such entry");
        Refuses(new SamplePickle().Op("]").Tensor("0", [4], [1]).Op("a").Tensor("0", [2], [1], type: "DoubleStorage", count: 2).Op("a"),
            "named twice with other types");
        Refuses(new SamplePickle().Text("no tuple").Op("Q"), "not that of a storage");
        Refuses(new SamplePickle().Op("(").Text("storage").Global("torch", "float32").Text("0").Text("cpu").Int(4).Op("tQ"), "not that of a storage");
    }

    [Theory]
    [InlineData(new long[] { 5 }, new long[] { 1 }, 0, "reaches element 5")]
    [InlineData(new long[] { 4 }, new long[] { 1 }, 1, "reaches element 5")]
    [InlineData(new long[] { 2, 2 }, new long[] { 3, 1 }, 0, "reaches element 5")]
    [InlineData(new long[] { 0 }, new long[] { 1 }, 5, "reaches element 5")]
    [InlineData(new long[] { 1000000 }, new long[] { 0 }, 0, "repeats those of storage")]
    [InlineData(new long[] { 4 }, new long[] { -1 }, 3, "a tensor's stride holds -1")]
    [InlineData(new long[] { -4 }, new long[] { 1 }, 0, "a tensor's size holds -4")]
    [InlineData(new long[] { 4 }, new long[] { 1 }, -1, "built from something else")]
    [InlineData(new long[] { 4 }, new long[] { 1, 1 }, 0, "has 1 sizes and 2 strides")]
    [InlineData(new long[] { 1L << 32, 1L << 32 }, new long[] { 0, 0 }, 0, "overflow")]
    [InlineData(new long[] { 0, 1L << 62, 4 }, new long[] { 4, 4, 1 }, 0, "overflow")]
    [InlineData(new long[] { 2 }, new long[] { long.MaxValue }, 0, "overflow")]
    [InlineData(new long[] { 2 }, new long[] { 1 }, long.MaxValue, "overflow")]
    [InlineData(new long[] { 0, 1L << 32, 1L << 32 }, new long[] { 1, 1, 1 }, 0, "overflow")]
    [InlineData(new long[] { 1L << 32, 2 }, new long[] { 1L << 32, 1L << 62 }, 0, "overflow")]
    public void A_view_outside_its_storage_is_refused(long[] size, long[] stride, long offset, string problem) =>
        Refuses(new SamplePickle().Tensor("0", size, stride, offset), problem);

    [Fact]
    public void A_checkpoint_of_a_big_endian_machine_is_refused()
    {
        RefusesBytes<WeightsFormatException>(Checkpoint(new SamplePickle().Op("}").Stop(), new ZipEntry("archive/byteorder", Encoding.ASCII.GetBytes("big"))),
            "key 'archive/byteorder': it was not written on a little-endian machine");
        byte[] content = new SamplePickle().Tensor("a", [4], [1], legacy: true).Stop();
        RefusesBytes<WeightsFormatException>(Legacy(content, [("a", Floats, 4)], littleEndian: false),
            "near byte 45: it was not written on a little-endian machine");
    }

    [Fact]
    public void A_legacy_file_that_is_broken_is_refused()
    {
        byte[] content = new SamplePickle().Tensor("a", [4], [1], legacy: true).Stop();
        byte[] good = Legacy(content, [("a", Floats, 4)]);
        RefusesBytes<WeightsFormatException>(Legacy(content, [("a", Floats, 4)], magic: new byte[10]),
            "near byte 15: it does not begin with PyTorch's magic number");
        RefusesBytes<WeightsFormatException>(good[..^1], "key 'a': the storage needs 16 bytes, but only 15 follow");
        RefusesBytes<WeightsFormatException>(good[..^17], "key 'a': the file ends before this storage");
        RefusesBytes<WeightsFormatException>(Legacy(content, [("a", Floats, 5)]), "key 'a': the storage has 5 elements, the content says 4");
        RefusesBytes<WeightsFormatException>(Legacy(content, []), "does not match the 1");
        RefusesBytes<WeightsFormatException>(Legacy(content, [("b", Floats, 4)]), "does not name");
        RefusesBytes<WeightsFormatException>(Legacy(content, [("a", Floats, 4), ("a", Floats, 4)]), "does not match the 1");
        byte[] view = new SamplePickle().Op("(").Text("storage").Global("torch", "FloatStorage").Text("a").Text("cpu").Int(4).Tuple(1, 2).Op("tQ").Stop();
        RefusesBytes<WeightsFormatException>(Legacy(view, [("a", Floats, 4)]), "is a view of another storage");
        RefusesBytes<UnsafePickleException>(Legacy(new SamplePickle().Global("os", "system").Op(")R").Stop(), []), "os.system");
    }

    [Theory]
    [InlineData("")]
    [InlineData("PK")]
    [InlineData("text, no checkpoint")]
    [InlineData("{\"a\":1}")]
    public void A_file_of_another_kind_is_refused(string text)
    {
        string path = Folder.Write("a.pth", Encoding.ASCII.GetBytes(text));
        Assert.Equal(path, Assert.Throws<WeightsFormatException>(() => TorchCheckpoint.Open(path)).Path);
    }

    [Fact]
    public void Every_cut_and_every_changed_byte_of_a_checkpoint_is_refused_or_loads()
    {
        byte[] content = new SamplePickle(4).Op("}").Text("w").Tensor("0", [2, 2], [1, 2]).Op("s").Stop();
        byte[] legacy = Legacy(new SamplePickle().Tensor("0", [4], [1], legacy: true).Stop(), [("0", Floats, 4)]);
        foreach (byte[] whole in new[] { Checkpoint(content), legacy })
        {
            for (int i = 0; i < whole.Length; i++)
            {
                Survives(whole[..i]);
                Survives([.. whole[..i], (byte)~whole[i], .. whole[(i + 1)..]]);
            }
        }
    }

    private void Survives(byte[] bytes)
    {
        string path = Folder.Write("a.pth", bytes);
        try
        {
            using DisposeScope scope = NewDisposeScope();
            using TorchCheckpoint checkpoint = TorchCheckpoint.Open(path);
            foreach (string key in checkpoint.Keys)
                checkpoint.Read(key);
        }
        catch (Exception e) when (e is WeightsFormatException or UnsafePickleException)
        {
            Assert.Contains(path, e.Message);
        }
    }
}
