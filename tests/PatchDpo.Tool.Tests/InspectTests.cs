using System.IO.Compression;
using System.Text;
using PatchDpo.Tests;
using PatchDpo.Torch.Weights.Pickle;
using PatchDpo.Torch.Weights.Safetensors;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Tool.Tests;

/// <summary>The command inspect, run as its users run it.</summary>
public sealed class InspectTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_good_file_is_listed_with_statistics()
    {
        using DisposeScope scope = NewDisposeScope();
        string path = _folder.File("good.safetensors");
        SafetensorsWriter.Write(
            path,
            new Dictionary<string, Tensor> { ["conv.weight"] = tensor(new[] { 0.5f, -1f, float.NaN, 2f }).reshape(2, 2), ["up\u202e\nside"] = tensor(7L),
                ["none"] = empty(0, 3, dtype: uint8) },
            new Dictionary<string, string> { ["format"] = "pt", ["note"] = "two\nlines" });
        (int exitCode, string output, string errors) = Inspect(path, "--stats");
        Assert.Equal((0, ""), (exitCode, errors));
        Assert.Equal($"""
            {path}
            safetensors

            key                 dtype    shape  min  mean  max  non-finite
            up\u202e\u000aside  int64    []       7     7    7           0
            conv.weight         float32  [2,2]   -1   0.5    2           1
            none                uint8    [0,3]    -     -    -           0

            3 tensors, 5 parameters, {new FileInfo(path).Length:N0} bytes
            format = pt
            note = two\u000alines

            """, output);
    }

    [Fact]
    public void A_folder_gives_every_weight_file_and_one_line_for_each_bad_one()
    {
        using DisposeScope scope = NewDisposeScope();
        Directory.CreateDirectory(_folder.File("unet"));
        TorchCheckpointWriter.Write(_folder.File("unet/a.bin"), new Dictionary<string, Tensor> { ["w"] = ones(2, 3) });
        SafetensorsWriter.Write(_folder.File("b.safetensors"), new Dictionary<string, Tensor> { ["v"] = ones(4) });
        _folder.Write("notes.txt", "no weights"u8.ToArray());
        _folder.Write("bad.pth", "no weights"u8.ToArray());
        (int exitCode, string output, string errors) = Inspect(Path.GetDirectoryName(_folder.File("a"))!);
        Assert.Equal(2, exitCode);
        Assert.Contains("2 files: 2 tensors, 10 parameters, ", output, StringComparison.Ordinal);
        Assert.Contains("PyTorch checkpoint, zip", output, StringComparison.Ordinal);
        Assert.DoesNotContain("notes.txt", output + errors, StringComparison.Ordinal);
        Assert.StartsWith("error: WeightsFormatException: '" + _folder.File("bad.pth"), Assert.Single(Lines(errors)), StringComparison.Ordinal);
    }

    [Fact]
    public void A_bad_file_gives_one_line_and_nothing_else()
    {
        byte[] header = Encoding.UTF8.GetBytes("""{"a\u000a\u202eb":{"dtype":"F99","shape":[],"data_offsets":[0,0]}}""");
        string path = _folder.Write("bad\n.safetensors", [.. BitConverter.GetBytes((long)header.Length), .. header]);
        AssertFails("WeightsFormatException", path.Replace("\n", " ", StringComparison.Ordinal) + "', key 'a\\u000a\\u202eb': the dtype 'F99' is unknown.",
            path);
    }

    [Fact]
    public void A_file_that_wants_to_run_code_gives_one_line_and_nothing_else() => AssertFails(
        "UnsafePickleException", "'os.system'", _folder.Write("evil.bin", Checkpoint([0x80, 2, .. "cos\nsystem\n."u8])));

    [Fact]
    public void Damage_that_only_the_values_show_gives_one_line_and_nothing_else()
    {
        using DisposeScope scope = NewDisposeScope();
        TorchCheckpointWriter.Write(_folder.File("a.bin"), new Dictionary<string, Tensor> { ["a"] = ones(2), ["b"] = full([64], 3f) });
        byte[] bytes = File.ReadAllBytes(_folder.File("a.bin"));
        // The three's bytes, somewhere among the values of b.
        bytes[bytes.AsSpan().IndexOf(BitConverter.GetBytes(3f)) + 100] ^= 1;
        string path = _folder.Write("a.bin", bytes);
        Assert.Equal(0, Inspect(path).ExitCode);
        AssertFails("WeightsFormatException", "key 'b': the checksum of storage '1' is wrong.", path, "--stats");
    }

    [Fact]
    public void A_missing_file_or_argument_gives_one_line_and_nothing_else()
    {
        AssertFails("FileNotFoundException", _folder.File("none.bin"), _folder.File("none.bin"));
        AssertFails("The folder '", "has no weight file", Path.GetDirectoryName(_folder.File("a"))!);
        AssertFails("Required argument missing", "See patchdpo inspect --help.");
    }

    private static void AssertFails(string start, string message, params string[] arguments)
    {
        (int exitCode, string output, string errors) = Inspect(arguments);
        Assert.Equal((2, ""), (exitCode, output));
        string line = Assert.Single(Lines(errors));
        Assert.StartsWith($"error: {start}", line, StringComparison.Ordinal);
        Assert.Contains(message, line, StringComparison.Ordinal);
    }

    // A zip checkpoint of a pickle alone.
    private static byte[] Checkpoint(ReadOnlySpan<byte> pickle)
    {
        using var stream = new MemoryStream();
        using (var archive = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true))
        {
            using Stream entry = archive.CreateEntry("archive/data.pkl", CompressionLevel.NoCompression).Open();
            entry.Write(pickle);
        }
        return stream.ToArray();
    }

    private static string[] Lines(string text)
    {
        Assert.EndsWith(Environment.NewLine, text, StringComparison.Ordinal);
        return text[..^Environment.NewLine.Length].Split('\n');
    }

    private static (int ExitCode, string Output, string Errors) Inspect(params string[] arguments) =>
        Tool.RunText("inspect", arguments);
}
