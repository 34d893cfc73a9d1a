using System.Security.Cryptography;
using Microsoft.Win32.SafeHandles;
using PatchDpo.Tests;
using PatchDpo.Torch.Tests.Weights.Safetensors;
using PatchDpo.Torch.Weights;
using PatchDpo.Torch.Weights.Pickle;
using PatchDpo.Torch.Weights.Safetensors;
using PatchDpo.Torch.Weights.Zip;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Weights.Pickle;

public sealed class TorchCheckpointWriterTests : IDisposable
{
    private const string FlattenAndPrint = """
        import hashlib, sys, torch
        def flat(value, name):
            if isinstance(value, dict):
                for key, item in value.items():
                    yield from flat(item, f'{name}.{key}' if name else key)
            elif isinstance(value, torch.Tensor):
                yield name, value
        def lines(path):
            for name, t in flat(torch.load(path, map_location='cpu'), ''):
                data = t.contiguous().view(-1).view(torch.uint8).numpy().tobytes() if t.numel() else b''
                yield f'{name} {str(t.dtype)[6:]} {list(t.shape)} {hashlib.sha256(data).hexdigest()}'

        """;

    private readonly TemporaryFolder _folder = new();

    public static TheoryData<ScalarType> DTypes => SafetensorsRoundTripTests.DTypes;

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(DTypes))]
    public void Every_dtype_comes_back_with_its_order_shape_and_bits(ScalarType dtype)
    {
        using DisposeScope scope = NewDisposeScope();
        Dictionary<string, Tensor> tensors = Samples(dtype);
        TorchCheckpointWriter.Write(_folder.File("a.bin"), tensors);
        using TorchCheckpoint file = TorchCheckpoint.Open(_folder.File("a.bin"));
        Assert.False(file.IsLegacy);
        Assert.Equal(tensors.Keys, file.Keys);
        foreach ((string key, Tensor expected) in tensors)
            AssertSame(expected, file, key);
    }

    [Fact]
    public void The_official_adapter_file_written_again_is_the_same_in_both_formats()
    {
        using DisposeScope scope = NewDisposeScope();
        string official = Fixtures.Path("07_patchdpo", "ip_plus_tiny.official_half.bin");
        using TorchCheckpoint source = TorchCheckpoint.Open(official);
        Dictionary<string, IReadOnlyDictionary<string, Tensor>> groups = source.Keys.GroupBy(k => k.Split('.')[0])
            .ToDictionary(g => g.Key, g => (IReadOnlyDictionary<string, Tensor>)g.ToDictionary(k => k[(g.Key.Length + 1)..], k => source.Read(k)));
        Assert.Equal(["image_proj", "ip_adapter"], groups.Keys);
        TorchCheckpointWriter.Write(_folder.File("again.bin"), groups);
        SafetensorsWriter.Write(_folder.File("again.safetensors"), source.Keys.ToDictionary(k => k, k => source.Read(k)));

        foreach (string name in new[] { "again.bin", "again.safetensors" })
        {
            using ITensorFile again = WeightsFile.Open(_folder.File(name));
            Assert.Equal(source.Keys.Order(StringComparer.Ordinal), again.Keys.Order(StringComparer.Ordinal));
            foreach (string key in source.Keys)
                AssertSame(source.Read(key), again, key);
        }

        // The same entries in the same order with the same bytes; PyTorch names the archive after the file.
        Assert.Equal(Entries(official, "ip_plus_tiny.official_half"), Entries(_folder.File("again.bin"), "archive"));
    }

    [Fact]
    public void The_same_tensors_give_the_same_bytes_and_every_entry_is_aligned()
    {
        using DisposeScope scope = NewDisposeScope();
        using MemoryStream first = new(), second = new();
        TorchCheckpointWriter.Write(first, Samples(ScalarType.Float32));
        TorchCheckpointWriter.Write(second, Samples(ScalarType.Float32));
        Assert.Equal(first.ToArray(), second.ToArray());
        string path = _folder.Write("a.bin", first.ToArray());
        using SafeFileHandle handle = File.OpenHandle(path);
        Assert.All(ZipDirectory.Read(handle, path, int.MaxValue).Items.Values, item => Assert.Equal(0, item.Position % 64));
    }

    [Fact]
    public void Thousands_of_tensors_and_many_dimensions_come_back()
    {
        using DisposeScope scope = NewDisposeScope();
        Dictionary<string, Tensor> tensors = Enumerable.Range(0, 2001).ToDictionary(i => $"layer.{i}", i => tensor(i));
        tensors["ä.🐱"] = arange(64).reshape(2, 1, 2, 2, 2, 4);
        tensors["long"] = zeros(70_000, uint8);
        TorchCheckpointWriter.Write(_folder.File("a.pt"), tensors);
        using TorchCheckpoint file = TorchCheckpoint.Open(_folder.File("a.pt"));
        Assert.Equal(tensors.Keys, file.Keys);
        Assert.All(tensors.Keys.Where(k => k.StartsWith("layer.", StringComparison.Ordinal)), k => Assert.Equal(k, $"layer.{file.Read(k).item<int>()}"));
        AssertSame(tensors["ä.🐱"], file, "ä.🐱");
        AssertSame(tensors["long"], file, "long");
    }

    [Fact]
    public void Metadata_come_back_and_are_written_in_order()
    {
        using DisposeScope scope = NewDisposeScope();
        Dictionary<string, string> metadata = new() { ["z"] = "1", ["ä/🐱"] = "größe\n", ["empty"] = "" };
        byte[] Bytes(IEnumerable<KeyValuePair<string, string>> entries)
        {
            using MemoryStream stream = new();
            TorchCheckpointWriter.Write(stream, Samples(ScalarType.Int8), entries.ToDictionary());
            return stream.ToArray();
        }

        byte[] bytes = Bytes(metadata);
        Assert.Equal(bytes, Bytes(metadata.Reverse()));
        using TorchCheckpoint file = TorchCheckpoint.Open(_folder.Write("a.bin", bytes));
        Assert.Equal(metadata.OrderBy(m => m.Key, StringComparer.Ordinal), file.Metadata.OrderBy(m => m.Key, StringComparer.Ordinal));
        Assert.Equal(Samples(ScalarType.Int8).Keys, file.Keys);
        Assert.ThrowsAny<ArgumentException>(() => Bytes([new("\ud800", "")]));
        Assert.Throws<ArgumentException>(() => Bytes([new(new string('x', 70_000), "")]));
    }

    [Fact]
    public void What_a_checkpoint_cannot_hold_is_refused_and_the_old_file_stays()
    {
        using DisposeScope scope = NewDisposeScope();
        string path = _folder.Write("a.bin", [1, 2, 3]);
        Assert.Throws<ArgumentException>(() => TorchCheckpointWriter.Write(path, new Dictionary<string, Tensor> { ["c"] = ones(2, complex64) }));
        Assert.ThrowsAny<ArgumentException>(() => TorchCheckpointWriter.Write(path, new Dictionary<string, Tensor> { ["\ud800"] = ones(2) }));
        Assert.Equal([1, 2, 3], File.ReadAllBytes(path));
        Assert.Single(Directory.GetFiles(Path.GetDirectoryName(path)!));
    }

    [Fact]
    public void Writing_leaks_nothing()
    {
        using DisposeScope scope = NewDisposeScope();
        Dictionary<string, Tensor> tensors = Samples(ScalarType.Float32);
        LeakCheck.Run(() => TorchCheckpointWriter.Write(_folder.File("a.bin"), tensors));
    }

    [SkippableFact]
    public void PyTorch_reads_what_is_written_and_would_write_the_same()
    {
        using DisposeScope scope = NewDisposeScope();
        Dictionary<string, IReadOnlyDictionary<string, Tensor>> groups = ((IEnumerable<object[]>)DTypes).Select(row => (ScalarType)row[0])
            .ToDictionary(t => t.ToString(), t => (IReadOnlyDictionary<string, Tensor>)Samples(t));
        string path = _folder.File("a.bin");
        TorchCheckpointWriter.Write(path, groups);
        TorchCheckpointWriter.Write(_folder.File("b.bin"), groups, new Dictionary<string, string> { ["note"] = "PyTorch leaves it aside" });
        string[] expected = [.. groups.SelectMany(g => g.Value.Select(t => Line($"{g.Key}.{t.Key}", t.Value)))];
        string[] lines = Python.RunOrSkip(FlattenAndPrint + """
            print(*lines(sys.argv[1]), sep='\n')
            assert list(lines(sys.argv[1])) == list(lines(sys.argv[2]))
            import io
            again = io.BytesIO()
            torch.save(torch.load(sys.argv[1]), again)
            # Later versions add entries of their own.
            print(again.getvalue() == open(sys.argv[1], 'rb').read() if torch.__version__.startswith('1.13') else True)
            """, path, _folder.File("b.bin"));
        Assert.Equal(expected, lines[..^1]);
        Assert.Equal("True", lines[^1]);
    }

    [SkippableTheory]
    [InlineData("alike-t.pth")]
    [InlineData("resnet20-cifar10.th")]
    [InlineData("tfeat-liberty.params")]
    public void Real_checkpoints_read_and_written_here_are_for_PyTorch_what_they_were(string name)
    {
        using DisposeScope scope = NewDisposeScope();
        string original = Fixtures.SharedOrSkip("real", "weights", name);
        using (TorchCheckpoint source = TorchCheckpoint.Open(original))
            TorchCheckpointWriter.Write(_folder.File("a.pth"), source.Keys.ToDictionary(k => k, k => source.Read(k)));
        string[] lines = Python.RunOrSkip(FlattenAndPrint + """
            a, b = (list(lines(path)) for path in sys.argv[1:])
            print(len(a), a == b)
            """, original, _folder.File("a.pth"));
        using TorchCheckpoint written = TorchCheckpoint.Open(_folder.File("a.pth"));
        Assert.Equal([$"{written.Keys.Count} True"], lines);
    }

    private static Dictionary<string, Tensor> Samples(ScalarType dtype)
    {
        Tensor values = (arange(24) - 3).reshape(2, 3, 4).to(dtype);
        return new()
        {
            ["weight"] = values,
            ["not.contiguous"] = values.transpose(0, 2),
            ["scalar"] = values[1, 2, 3],
            ["empty"] = empty(0, 5, dtype: dtype),
            ["deep"] = values.reshape(1, 2, 1, 3, 2, 2),
        };
    }

    private static void AssertSame(Tensor expected, ITensorFile file, string key)
    {
        Tensor actual = file.Read(key);
        Assert.Equal((expected.dtype, expected.dtype), (file.DType(key), actual.dtype));
        Assert.Equal(expected.shape, file.Shape(key));
        Assert.Equal(expected.shape, actual.shape);
        Assert.True(actual.bytes.SequenceEqual(expected.contiguous().bytes), key);
    }

    private static string Line(string name, Tensor values)
    {
        string dtype = values.dtype == ScalarType.Byte ? "uint8" : values.dtype.ToString().ToLowerInvariant();
        return $"{name} {dtype} [{string.Join(", ", values.shape)}] {Convert.ToHexStringLower(SHA256.HashData(values.contiguous().bytes))}";
    }

    private static (string Name, string Data)[] Entries(string path, string archive)
    {
        using SafeFileHandle handle = File.OpenHandle(path);
        ZipDirectory zip = ZipDirectory.Read(handle, path, int.MaxValue);
        return [.. zip.Items.Values.OrderBy(i => i.Position).Select(i =>
        {
            Assert.StartsWith(archive + "/", i.Name, StringComparison.Ordinal);
            return (i.Name[archive.Length..], Convert.ToHexString(zip.ReadItem(i.Name, int.MaxValue)));
        })];
    }
}
