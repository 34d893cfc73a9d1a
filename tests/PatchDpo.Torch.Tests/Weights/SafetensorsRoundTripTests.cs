using PatchDpo.Torch.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Weights;

public sealed class SafetensorsRoundTripTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("patchdpo-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

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
        string path = Path.Combine(_folder, "a.safetensors");
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
}
