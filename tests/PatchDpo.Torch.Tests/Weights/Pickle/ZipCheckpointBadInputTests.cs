using PatchDpo.Tests;
using PatchDpo.Torch.Weights;
using PatchDpo.Torch.Weights.Pickle;
using static PatchDpo.Tests.CheckpointBytes;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Weights.Pickle;

/// <summary>Zip files that are broken or no checkpoints: each gives an exception that names the file, the entry and the fault.</summary>
public sealed class ZipCheckpointBadInputTests : CheckpointRefusals
{
    [Fact]
    public void Compressed_entries_are_refused_and_with_them_bombs()
    {
        byte[] pickle = new SamplePickle().Tensor("0", [4], [1]).Stop();
        RefusesBytes<WeightsFormatException>(Archive(new ZipEntry("a/data.pkl", pickle),
            new ZipEntry("a/data/0", Floats) { Method = 8, Length = uint.MaxValue - 1 }), "'a/data/0': the entry is compressed");
        RefusesBytes<WeightsFormatException>(Archive(new ZipEntry("a/data.pkl", pickle) { Flags = 1 }), "'a/data.pkl': the entry is encrypted");
    }

    [Fact]
    public void Metadata_that_are_no_text_or_too_long_are_refused()
    {
        byte[] pickle = new SamplePickle().Tensor("0", [4], [1]).Stop();
        void Bad(string problem, params ZipEntry[] extra) => RefusesBytes<WeightsFormatException>(Checkpoint(pickle, extra), problem);
        Bad("'archive/extra/a': the metadata are not valid UTF-8", new ZipEntry("archive/extra/a", [0xff]));
        Bad("'archive/extra/a': the entry's checksum is wrong", new ZipEntry("archive/extra/a", [1]) { Crc = 7 });
        Bad("'archive/extra/a': the entry has 1048577 bytes", new ZipEntry("archive/extra/a", new byte[(1 << 20) + 1]));
        Bad("'archive/extra/b': the entry has 600000 bytes; the limit is 448576", new ZipEntry("archive/extra/a", new byte[600_000]),
            new ZipEntry("archive/extra/b", new byte[600_000]));
    }

    [Fact]
    public void A_zip_file_that_contradicts_itself_is_refused()
    {
        byte[] pickle = new SamplePickle().Tensor("0", [4], [1]).Stop();
        ZipEntry good = new("a/data.pkl", pickle), data = new("a/data/0", Floats);
        void Bad(string problem, params ZipEntry[] entries) => Assert.Equal(
            entries[^1].Name, RefusesBytes<WeightsFormatException>(Archive(entries), problem).Key);
        Bad("appears twice in the zip file", good, data, data);
        Bad("claims 17 bytes in 16", good, data with { Length = 17 });
        Bad("contradicts the directory", good, data with { LocalName = "a/data/1" });
        Bad("contradicts the directory", good, data with { Length = 1_000_000, Stored = 1_000_000 });
        Bad("contradicts the directory", good, data with { Place = 3 });
        Bad("lies outside the file", good, data with { Place = uint.MaxValue - 1 });
        Bad("appears twice", good, good);
        Bad("shares bytes", good with { Length = (uint)pickle.Length + 40, Stored = (uint)pickle.Length + 40 }, data);
        Bad("zip64 sizes are missing", good, data with { Length = uint.MaxValue, Stored = uint.MaxValue });
        Bad("zip64 sizes are missing", good, data with { Length = uint.MaxValue, Stored = uint.MaxValue, Extra = [1, 0, 8, 0, .. BitConverter.GetBytes(16L)] });
        Bad("contradicts the directory", good, data with { Length = uint.MaxValue, Stored = uint.MaxValue,
            Extra = [1, 0, 16, 0, .. BitConverter.GetBytes(1L << 62), .. BitConverter.GetBytes(1L << 62)] });
        Bad("lies outside the file", good, data with { Place = uint.MaxValue, Extra = [1, 0, 8, 0, .. BitConverter.GetBytes(-1L)] });

        byte[] whole = Archive(good, data);
        RefusesBytes<WeightsFormatException>(whole[..^1], "no end of a zip directory");
        RefusesBytes<WeightsFormatException>([.. whole[..^12], 0xff, 0xff, .. whole[^10..]], "zip64 locator is missing");
        RefusesBytes<WeightsFormatException>([.. whole[..^12], 9, 0, .. whole[^10..]], "claims 9 entries");
        RefusesBytes<WeightsFormatException>([.. whole[..^12], 1, 0, .. whole[^10..]], "its directory of 1 entries has");
        RefusesBytes<WeightsFormatException>([.. whole[..^10], 0xff, 0xff, 0xff, 0x7f, .. whole[^6..]], "its directory lies outside the file");
    }

    [Fact]
    public void Sizes_in_zip64_fields_are_read()
    {
        byte[] pickle = new SamplePickle().Tensor("0", [4], [1]).Stop();
        byte[] bytes = Archive(
            new ZipEntry("a/data.pkl", pickle),
            new ZipEntry("a/data/0", Floats) { Length = uint.MaxValue, Stored = uint.MaxValue,
                Extra = [9, 9, 1, 0, 7, 1, 0, 16, 0, .. BitConverter.GetBytes(16L), .. BitConverter.GetBytes(16L)] });
        using TorchCheckpoint checkpoint = TorchCheckpoint.Open(Folder.Write("a.pth", bytes));
        using Tensor w = checkpoint.Read("");
        Assert.Equal([1, 2, 3, 4], w.data<float>().ToArray());
    }

    [Fact]
    public void A_wrong_checksum_is_an_error_of_the_pickle_at_once_and_of_a_tensor_when_it_is_read()
    {
        byte[] pickle = new SamplePickle().Op("}").Text("w").Tensor("0", [4], [1]).Op("s").Stop();
        RefusesBytes<WeightsFormatException>(Archive(new ZipEntry("a/data.pkl", pickle) { Crc = 1 }, new ZipEntry("a/data/0", Floats)),
            "'a/data.pkl': the entry's checksum is wrong");
        string path = Folder.Write("a.pth", Archive(new ZipEntry("a/data.pkl", pickle), new ZipEntry("a/data/0", Floats) { Crc = 1 }));
        using TorchCheckpoint checkpoint = TorchCheckpoint.Open(path);
        AssertRefused<WeightsFormatException>(() => checkpoint.Read("w"), path, "key 'w': the checksum of storage '0' is wrong");
        using TorchCheckpoint unchecked_ = TorchCheckpoint.Open(path, new TorchCheckpointOptions { VerifyChecksums = false });
        unchecked_.Read("w").Dispose();
    }

    [Fact]
    public void A_zip_file_without_a_pickle_or_with_two_is_refused()
    {
        byte[] pickle = new SamplePickle().Op("}").Stop();
        RefusesBytes<WeightsFormatException>(Archive(new ZipEntry("word/document.xml", [1])), "has no data.pkl, so it is no PyTorch checkpoint");
        RefusesBytes<WeightsFormatException>(Archive(), "this is no PyTorch checkpoint");
        RefusesBytes<WeightsFormatException>(Archive(new ZipEntry("a/data.pkl", pickle), new ZipEntry("b/data.pkl", pickle)),
            "has 2 entries data.pkl: 'a/data.pkl', 'b/data.pkl'");
    }

    [Fact]
    public void TorchScript_is_named_as_such() => RefusesBytes<WeightsFormatException>(
        Checkpoint(new SamplePickle().Op("}").Stop(), new ZipEntry("archive/constants.pkl",
            new SamplePickle().Op(")").Stop())), "key 'archive/constants.pkl': this is TorchScript, a compiled model; load it with torch.jit.load");
}
