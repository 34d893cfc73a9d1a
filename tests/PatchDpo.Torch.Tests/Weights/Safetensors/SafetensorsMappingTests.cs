using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;
using PatchDpo.Tests;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.Weights;
using PatchDpo.Torch.Weights.Safetensors;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Weights.Safetensors;

/// <summary>Safetensors files that are mapped into memory: the same values, without a copy where the bytes allow it, and never a change of the file.</summary>
public sealed class SafetensorsMappingTests : IDisposable
{
    private static readonly SafetensorsOptions Mapped = new() { MemoryMap = true };

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(SafetensorsRoundTripTests.DTypes), MemberType = typeof(SafetensorsRoundTripTests))]
    public void Every_dtype_has_the_values_of_a_copy(ScalarType dtype)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor values = (arange(24) - 3).reshape(2, 3, 4).to(dtype);
        string path = Write(new() { ["values"] = values, ["scalar"] = values[1, 2, 3], ["empty"] = empty(0, 5, dtype: dtype), ["other"] = ones(3, int64) });
        using SafetensorsFile file = SafetensorsFile.Open(path, Mapped), copied = SafetensorsFile.Open(path);
        foreach (string key in file.Keys)
        {
            Tensor actual = file.Read(key), expected = copied.Read(key), converted = file.Read(key, dtype: float32), target = zeros_like(expected);
            file.CopyTo(key, target);
            Assert.Equal((expected.dtype, true), (actual.dtype, actual.is_contiguous()));
            Assert.Equal(expected.shape, actual.shape);
            Assert.True(actual.equal(expected).all().item<bool>(), key);
            Assert.True(target.equal(expected).all().item<bool>(), $"{key}, copied");
            Assert.True(converted.equal(expected.to(float32)).all().item<bool>(), $"{key}, converted");
        }
        Assert.Empty(file.FindNonFinite());
        Assert.Equal(file.Keys.Count, file.ReadAll().Count);
    }

    [Fact]
    public void Tensors_lie_in_the_file_as_far_apart_as_there()
    {
        using DisposeScope scope = NewDisposeScope();
        using SafetensorsFile file = SafetensorsFile.Open(Write(new() { ["a"] = rand(3), ["b"] = rand(5), ["c"] = rand(2, 2) }), Mapped);
        Tensor a = file.Read("a"), b = file.Read("b"), c = file.Read("c"), again = file.Read("a");
        Assert.Equal([12, 32, 0], [Distance(a, b), Distance(a, c), Distance(a, again)]);
    }

    [SkippableFact]
    public void Memory_is_taken_for_what_is_used_and_only_where_it_is_written_to()
    {
        Skip.IfNot(OperatingSystem.IsLinux(), "Reads Linux's /proc/self/smaps.");
        const int Size = 32 << 20;
        using DisposeScope scope = NewDisposeScope();
        string path = Write(new() { ["a"] = ones(100), ["b"] = ones(Size / sizeof(float)) });
        using SafetensorsFile file = SafetensorsFile.Open(path, Mapped);
        Tensor a = file.Read("a"), b = file.Read("b");
        Assert.Equal(100, a.sum().item<float>());
        Assert.InRange(Resident(path, "Rss"), 1, 1 << 20);
        Assert.Equal(Size / sizeof(float), b.sum().item<float>());
        Assert.InRange(Resident(path, "Rss"), Size, Size + (1 << 20));
        Assert.Equal(0, Resident(path, "Anonymous"));
        b[1000] = 7;
        Assert.InRange(Resident(path, "Anonymous"), 1, 1 << 16);
    }

    [Fact]
    public void Writing_into_a_tensor_leaves_the_file_as_it_is()
    {
        using DisposeScope scope = NewDisposeScope();
        string path = Write(new() { ["a"] = ones(100), ["b"] = ones(100) });
        byte[] before = File.ReadAllBytes(path);
        using (SafetensorsFile file = SafetensorsFile.Open(path, Mapped))
        {
            Tensor a = file.Read("a"), b = file.Read("b");
            a.mul_(5);
            b.zero_();
            Assert.Equal((500, 0), (a.sum().item<float>(), b.sum().item<float>()));
        }
        Assert.Equal(before, File.ReadAllBytes(path));
    }

    [Fact]
    public void Tensors_outlive_the_file_object_its_name_and_each_other()
    {
        string path;
        using (DisposeScope scope = NewDisposeScope())
            path = Write(new() { ["a"] = ones(3), ["b"] = full(4, 2f), ["c"] = ones(2, int64) });
        SafetensorsFile file = SafetensorsFile.Open(path, Mapped);
        Tensor a = file.Read("a");
        using Tensor b = file.Read("b");
        file.Dispose();
        file.Dispose();
        Assert.Throws<ObjectDisposedException>(() => file.Read("a"));
        File.Delete(path);
        Assert.Equal([1, 1, 1], a.data<float>().ToArray());
        a.Dispose();
        Assert.Equal([2, 2, 2, 2], b.data<float>().ToArray());
    }

    [SkippableFact]
    public void Nothing_is_mapped_any_more_when_all_is_disposed()
    {
        Skip.IfNot(OperatingSystem.IsLinux(), "Reads Linux's /proc/self/maps.");
        string path = "";
        LeakCheck.Run(() =>
        {
            using DisposeScope scope = NewDisposeScope();
            path = Write(new() { ["a"] = ones(3), ["b"] = ones(4, int64) });
            using SafetensorsFile file = SafetensorsFile.Open(path, Mapped);
            file.ReadAll();
            Assert.Equal(2, Mappings(path));
        });
        Assert.Equal(0, Mappings(path));
    }

    [SkippableTheory]
    [InlineData("F32", 0, true)]
    [InlineData("F32", 1, false)]
    [InlineData("F16", 2, true)]
    [InlineData("F16", 3, false)]
    [InlineData("I64", 4, false)]
    [InlineData("U8", 5, true)]
    [InlineData("BOOL", 0, false)]
    public void What_does_not_begin_at_a_multiple_of_its_size_is_copied(string dtype, int shift, bool isMapped)
    {
        Skip.IfNot(OperatingSystem.IsLinux(), "Other systems may not show a change of the file in a private mapping.");
        using DisposeScope scope = NewDisposeScope();
        int size = dtype switch { "I64" => 8, "F32" => 4, "F16" => 2, _ => 1 };
        string header = $$$"""{"w":{"dtype":"{{{dtype}}}","shape":[3],"data_offsets":[0,{{{3 * size}}}]}}""";
        byte[] json = Encoding.UTF8.GetBytes(header.PadRight(((header.Length + 7) / 8 * 8) + shift)), length = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, json.Length);
        string path = _folder.Write("a.safetensors", [.. length, .. json, .. Enumerable.Repeat((byte)1, 3 * size)]);
        using SafetensorsFile file = SafetensorsFile.Open(path, Mapped), plain = SafetensorsFile.Open(path);
        Tensor mapped = file.Read("w"), copy = plain.Read("w");
        Assert.True(mapped.equal(copy).all().item<bool>());
        Overwrite(path);
        Assert.Equal(isMapped, !mapped.equal(copy).all().item<bool>());
    }

    [Fact]
    public void Changing_one_tensor_in_place_does_not_spoil_the_gradient_of_another()
    {
        using DisposeScope scope = NewDisposeScope();
        using SafetensorsFile file = SafetensorsFile.Open(Write(new() { ["a"] = full(2, 3f), ["b"] = ones(2) }), Mapped);
        Tensor a = file.Read("a").requires_grad_(true), b = file.Read("b");
        Tensor loss = (a * a).sum();
        b.add_(1);
        loss.backward();
        Assert.Equal([6, 6], a.grad!.data<float>().ToArray());
    }

    [SkippableFact]
    public void A_model_in_shards_takes_its_storage_from_the_mapped_files_and_can_be_trained()
    {
        Skip.IfNot(OperatingSystem.IsLinux(), "Other systems may not show a change of the file in a private mapping.");
        using DisposeScope scope = NewDisposeScope();
        string weights = Write(new() { ["weight"] = ones(1, 2) }, "one.safetensors");
        Write(new() { ["bias"] = zeros(1) }, "two.safetensors");
        _folder.Write("model.safetensors.index.json", """{"weight_map": {"weight": "one.safetensors", "bias": "two.safetensors"}}"""u8.ToArray());
        byte[] before = File.ReadAllBytes(weights);
        using TorchSharp.Modules.Linear model = nn.Linear(2, 1, device: META);
        using (ITensorFile file = ModelFolder.OpenWeights(_folder.File(""), Mapped))
            StateDictLoader.Load(model, file);
        using optim.Optimizer optimizer = optim.SGD(model.parameters(), 0.5);
        model.call(ones(1, 2)).sum().backward();
        optimizer.step();
        Assert.Equal([0.5f, 0.5f], model.weight!.data<float>().ToArray());
        Assert.Equal(before, File.ReadAllBytes(weights));
        Assert.Equal(-0.5f, model.bias!.item<float>());
        using ITensorFile again = ModelFolder.OpenWeights(_folder.File(""), Mapped);
        Tensor untouched = again.Read("weight");
        Overwrite(weights);
        Assert.Equal(8, untouched[0, 1].item<float>());
    }

    [SkippableFact]
    public void Saving_over_a_mapped_file_changes_no_tensor()
    {
        Skip.If(OperatingSystem.IsWindows(), "Windows does not replace a file that is mapped.");
        using DisposeScope scope = NewDisposeScope();
        string path = Write(new() { ["a"] = ones(3) });
        using SafetensorsFile file = SafetensorsFile.Open(path, Mapped);
        Tensor a = file.Read("a");
        SafetensorsWriter.Write(path, new Dictionary<string, Tensor> { ["a"] = a * 2 });
        Assert.Equal([1, 1, 1], a.data<float>().ToArray());
        using SafetensorsFile saved = SafetensorsFile.Open(path, Mapped);
        Assert.Equal([2, 2, 2], saved.Read("a").data<float>().ToArray());
    }

    [Fact]
    public void A_file_that_is_shorter_than_its_header_says_is_refused_before_it_is_mapped()
    {
        using DisposeScope scope = NewDisposeScope();
        string path = Write(new() { ["a"] = ones(3) });
        byte[] bytes = File.ReadAllBytes(path);
        _folder.Write("a.safetensors", bytes[..^1]);
        WeightsFormatException e = Assert.Throws<WeightsFormatException>(() => SafetensorsFile.Open(path, Mapped));
        Assert.Equal((path, "a"), (e.Path, e.Key));
        Assert.Contains("ends at 12, but the file has 11 bytes", e.Message);
        // Cut between the check and the mapping.
        using SafeFileHandle handle = WeightsPath.OpenHandle(path);
        IOException cut = Assert.Throws<IOException>(() => new FileMapping(handle, path, bytes.Length, [uint8]));
        Assert.Contains($"'{path}' cannot be mapped", cut.Message);
        Assert.Contains("smaller than the required mapping size", cut.Message);
    }

    [SkippableFact]
    public void The_file_that_was_checked_is_mapped_and_not_what_has_taken_its_name_since()
    {
        Skip.IfNot(OperatingSystem.IsLinux(), "Only Linux has a name for an open file.");
        using DisposeScope scope = NewDisposeScope();
        _folder.Write("a.bin", [1, 2, 3]);
        _folder.Write("b.bin", [4, 5, 6]);
        using SafeFileHandle handle = WeightsPath.OpenHandle(_folder.File("a.bin"));
        File.Move(_folder.File("b.bin"), _folder.File("a.bin"), overwrite: true);
        using FileMapping mapping = new(handle, _folder.File("a.bin"), 3, [uint8]);
        Assert.Equal([1, 2, 3], mapping.Read(0, uint8, [3])!.data<byte>().ToArray());
    }

    private string Write(Dictionary<string, Tensor> tensors, string name = "a.safetensors")
    {
        SafetensorsWriter.Write(_folder.File(name), tensors);
        return _folder.File(name);
    }

    // In place, as no program of ours does: the last two bytes, which are of the last value.
    private static void Overwrite(string path)
    {
        using FileStream stream = new(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete);
        stream.Seek(-2, SeekOrigin.End);
        stream.Write([0, 0x41]);
    }

    private static long Distance(Tensor from, Tensor to) => Unsafe.ByteOffset(
        ref MemoryMarshal.GetReference(from.bytes), ref MemoryMarshal.GetReference(to.bytes));

    private static int Mappings(string path) => File.ReadLines("/proc/self/maps").Count(l => l.Contains(path, StringComparison.Ordinal));

    /// <summary>Bytes of a kind that the mappings of a file have, as Linux tells.</summary>
    private static long Resident(string path, string kind)
    {
        long kilobytes = 0;
        bool isFile = false;
        foreach (string line in File.ReadLines("/proc/self/smaps"))
        {
            string first = line.Split(' ', 2)[0];
            // A mapping's first line begins with its addresses, each of the others with a name and a colon.
            if (!first.EndsWith(':'))
                isFile = line.EndsWith(path, StringComparison.Ordinal);
            else if (isFile && first == kind + ":")
                kilobytes += long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);
        }
        return kilobytes << 10;
    }
}
