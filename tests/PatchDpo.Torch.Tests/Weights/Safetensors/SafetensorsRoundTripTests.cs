using PatchDpo.Tests;
using PatchDpo.Torch.Weights;
using PatchDpo.Torch.Weights.Safetensors;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Weights.Safetensors;

public sealed class SafetensorsRoundTripTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    public static TheoryData<ScalarType> DTypes => [
        ScalarType.Float64, ScalarType.Float32, ScalarType.Float16, ScalarType.BFloat16, ScalarType.Int64,
        ScalarType.Int32, ScalarType.Int16, ScalarType.Int8, ScalarType.Byte, ScalarType.Bool];

    [Theory]
    [MemberData(nameof(DTypes))]
    public void Every_dtype_comes_back_with_its_shape_and_values(ScalarType dtype)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor values = (arange(24) - 3).reshape(2, 3, 4).to(dtype);
        Dictionary<string, Tensor> tensors = new()
        {
            ["values"] = values,
            ["not.contiguous"] = values.transpose(0, 2),
            ["scalar"] = values[1, 2, 3],
            ["empty"] = empty(0, 5, dtype: dtype),
        };
        string path = _folder.File("a.safetensors");
        SafetensorsWriter.Write(path, tensors, new Dictionary<string, string> { ["format"] = "pt" });

        using SafetensorsFile file = SafetensorsFile.Open(path);
        Assert.Equal("pt", file.Metadata["format"]);
        Assert.Equal(["empty", "not.contiguous", "scalar", "values"], file.Keys);
        foreach ((string key, Tensor expected) in tensors)
        {
            Assert.Equal(dtype, file.DType(key));
            Assert.Equal(expected.shape, file.Shape(key));
            Tensor actual = file.Read(key);
            Assert.Equal(dtype, actual.dtype);
            Fixtures.AssertClose(actual, expected, 0, key);
        }
    }

    [Theory]
    [InlineData(ScalarType.Float16, ScalarType.BFloat16)]
    [InlineData(ScalarType.BFloat16, ScalarType.Float16)]
    [InlineData(ScalarType.Float16, ScalarType.Float32)]
    [InlineData(ScalarType.Float32, ScalarType.BFloat16)]
    [InlineData(ScalarType.Float64, ScalarType.Float32)]
    [InlineData(ScalarType.Byte, ScalarType.Float32)]
    [InlineData(ScalarType.Bool, ScalarType.Float32)]
    [InlineData(ScalarType.Int64, ScalarType.Bool)]
    public void Tensors_of_any_length_are_converted_as_libtorch_does(ScalarType from, ScalarType to)
    {
        using DisposeScope scope = NewDisposeScope();
        random.manual_seed(2);
        // More than two pieces of the conversion, exactly one, and less than one; subnormal and infinite values among them.
        Tensor values = (randn(2 * ConversionBuffer.Elements + 5) * 3).exp();
        values[0] = 1e-6f;
        values[1] = float.PositiveInfinity;
        values[2] = 0;
        if (from is not (ScalarType.Float16 or ScalarType.BFloat16 or ScalarType.Float32 or ScalarType.Float64))
            values = values.clamp(0, 3).round();
        values = values.to(from);
        Dictionary<string, Tensor> tensors = new() { ["long"] = values, ["piece"] = values[..(int)ConversionBuffer.Elements], ["short"] = values[..7],
            ["none"] = values[..0] };
        string path = _folder.File("a.safetensors");
        SafetensorsWriter.Write(path, tensors);
        using SafetensorsFile file = SafetensorsFile.Open(path);
        foreach ((string key, Tensor source) in tensors)
        {
            Tensor expected = source.to(to), read = file.Read(key, dtype: to), copied = zeros_like(expected);
            file.CopyTo(key, copied);
            Assert.Equal(to, read.dtype);
            Assert.True(read.equal(expected).all().item<bool>(), $"{key}, read");
            Assert.True(copied.equal(expected).all().item<bool>(), $"{key}, copied");
        }
        Parallel.For(0, 8, _ =>
        {
            using Tensor read = file.Read("long", dtype: to), same = read.equal(values.to(to)), all = same.all();
            Assert.True(all.item<bool>());
        });
    }

    [Fact]
    public void Reading_converts_where_asked_and_leaks_nothing()
    {
        string path = _folder.File("a.safetensors");
        using (Tensor w = arange(6).to(float32))
            SafetensorsWriter.Write(path, new Dictionary<string, Tensor> { ["w"] = w });
        ThreadDisposeScopeStatistics statistics = DisposeScopeManager.Statistics;
        long before = statistics.ThreadTotalLiveCount;
        using (SafetensorsFile file = SafetensorsFile.Open(path))
        {
            using Tensor half = file.Read("w", dtype: float16);
            Assert.Equal(float16, half.dtype);
            using Tensor meta = file.Read("w", device: META);
            Assert.Equal(DeviceType.META, meta.device_type);
            foreach (Tensor tensor in file.ReadAll().Values)
                tensor.Dispose();
            Assert.Empty(file.FindNonFinite());
        }
        Assert.Equal(before, statistics.ThreadTotalLiveCount);
    }

    [Fact]
    public void Tensors_outlive_the_file_and_a_closed_file_is_refused()
    {
        string path = _folder.File("a.safetensors");
        using Tensor w = arange(6);
        SafetensorsWriter.Write(path, new Dictionary<string, Tensor> { ["w"] = w });
        SafetensorsFile file = SafetensorsFile.Open(path);
        using Tensor read = file.Read("w");
        file.Dispose();
        file.Dispose();
        File.Delete(path);
        Fixtures.AssertClose(read, w, 0, "w");
        Assert.Throws<ObjectDisposedException>(() => file.Read("w"));
    }

    [Fact]
    public void A_tensor_of_more_than_one_piece_comes_back_whole()
    {
        using DisposeScope scope = NewDisposeScope();
        const long Piece = 1L << 26;
        Tensor bytes = zeros(Piece + 3, uint8);
        for (long i = Piece - 3; i < Piece + 3; i++)
            bytes[i] = (byte)(i - Piece + 5);
        string path = _folder.File("a.safetensors");
        SafetensorsWriter.Write(path, new Dictionary<string, Tensor> { ["bytes"] = bytes });
        using SafetensorsFile file = SafetensorsFile.Open(path);
        Assert.True(file.Read("bytes").eq(bytes).all().item<bool>());
    }
}
