using PatchDpo.Tests;
using PatchDpo.Torch.Weights;
using PatchDpo.Torch.Weights.Onnx;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Weights.Onnx;

/// <summary>The initialisers of ONNX files: read as they are written, refused with names where they cannot be.</summary>
public sealed class OnnxFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Initialisers_come_out_with_their_names_shapes_types_and_values()
    {
        LeakCheck.Run(() =>
        {
            byte[] halves = [0x00, 0x3c, 0x00, 0xc0], doubles = [.. BitConverter.GetBytes(0.5), .. BitConverter.GetBytes(-2.0)];
            string path = Write(OnnxBytes.Model(
                OnnxBytes.Initialiser("a", [2, 3], [1, 2, 3, 4, 5, 6]),
                OnnxBytes.Initialiser("half", [2], 10, OnnxBytes.Raw(9, halves)),
                OnnxBytes.Initialiser("double", [2, 1], 11, OnnxBytes.Raw(10, doubles)),
                OnnxBytes.Initialiser("long", [], 7, OnnxBytes.Raw(9, BitConverter.GetBytes(-5L))),
                OnnxBytes.Initialiser("empty", [0, 4], 1)));
            using ITensorFile file = WeightsFile.Open(path);
            Assert.IsType<OnnxFile>(file);
            Assert.Equal(["a", "half", "double", "long", "empty"], file.Keys);
            Assert.Equal([2, 3], file.Shape("a"));
            using DisposeScope scope = NewDisposeScope();
            Assert.Equal([1f, 2, 3, 4, 5, 6], file.Read("a").data<float>().ToArray());
            Assert.Equal(ScalarType.Float16, file.DType("half"));
            Assert.Equal([1f, -2], file.Read("half", dtype: ScalarType.Float32).data<float>().ToArray());
            Assert.Equal([0.5, -2], file.Read("double").data<double>().ToArray());
            Assert.Equal(-5, file.Read("long").item<long>());
            Assert.Equal([0, 4], file.Read("empty").shape);
            Tensor target = zeros(2, 3, dtype: ScalarType.Float64);
            file.CopyTo("a", target);
            Assert.Equal(21, target.sum().item<double>());
            Assert.Contains("'b'", Assert.Throws<KeyNotFoundException>(() => file.Read("b")).Message, StringComparison.Ordinal);
        });
    }

    public static TheoryData<string, byte[], string> Broken() => new()
    {
        { "short values", OnnxBytes.Initialiser("w", [2, 3], [1, 2, 3, 4, 5]), "needs 24 bytes, but its values have 20" },
        { "no values", OnnxBytes.Initialiser("w", [2], 1), "needs 8 bytes, but its values have 0" },
        { "a billion dimensions", OnnxBytes.Initialiser("w", [.. Enumerable.Repeat(1L, 100)], 1), "dimensions have more than 64" },
        { "a huge shape", OnnxBytes.Initialiser("w", [1L << 40, 1L << 40], 1), "overflows" },
        { "a negative dimension", OnnxBytes.Initialiser("w", [-1], 1), "a dimension is -1" },
        { "external data", OnnxBytes.Initialiser("w", [2], 1, OnnxBytes.Integer(14, 1)), "in another file" },
        { "external data without location", OnnxBytes.Initialiser("w", [2], 1, OnnxBytes.Raw(13, [10, 0])), "in another file" },
        { "integers in a field of their own", OnnxBytes.Initialiser("w", [2], 7, OnnxBytes.Raw(7, [1, 2])), "int64_data" },
        { "an unknown type", OnnxBytes.Initialiser("w", [2], 8, OnnxBytes.Raw(9, [0, 0])), "data type is number 8" },
        { "floats for another type", OnnxBytes.Initialiser("w", [1], 10, OnnxBytes.Raw(4, [0, 0])), "FLOAT16, but its values are in float_data" },
        { "values twice", OnnxBytes.Initialiser("w", [1], 1, OnnxBytes.Raw(9, new byte[4]), OnnxBytes.Raw(9, new byte[4])), "twice" },
        { "values one by one", OnnxBytes.Initialiser("w", [1], 1, [.. OnnxBytes.Tag(4, 5), 0, 0, 0, 0]), "not packed" },
        { "the name as a number", OnnxBytes.Message(5, [OnnxBytes.Integer(1, 1), OnnxBytes.Integer(8, 3)]), "name is written as Varint" },
        { "a long name", OnnxBytes.Initialiser(new string('x', 2000), [1], [1]), "the limit is 1024" },
        { "the name twice", [.. OnnxBytes.Initialiser("w", [1], [1]), .. OnnxBytes.Initialiser("w", [1], [2])], "two initialisers" },
        { "sparse", OnnxBytes.Raw(15, []), "sparse" },
        { "a field number of 0", [0x00], "no field of a protocol buffer" },
    };

    [Theory]
    [MemberData(nameof(Broken))]
    public void A_broken_initialiser_is_refused_by_name(string what, byte[] field, string expected)
    {
        string path = Write(OnnxBytes.Model(field));
        WeightsFormatException e = Assert.Throws<WeightsFormatException>(() => WeightsFile.Open(path).Dispose());
        Assert.Contains(expected, e.Message, StringComparison.Ordinal);
        Assert.Contains(path, e.Message, StringComparison.Ordinal);
        if (what is not ("sparse" or "a long name" or "a field number of 0" or "the name as a number"))
            Assert.Equal("w", e.Key);
    }

    [Fact]
    public void A_file_that_ends_anywhere_is_refused()
    {
        byte[] whole = OnnxBytes.Model(OnnxBytes.Node("Conv", "c", ["x", "w"], ["y"], OnnxBytes.Attribute("pads", 1, 1)), OnnxBytes.Initialiser("w", [2], [1, 2]));
        for (int length = 9; length < whole.Length; length++)
        {
            string path = Write(whole[..length]);
            Assert.Throws<WeightsFormatException>(() => WeightsFile.Open(path).Dispose());
        }
    }

    private string Write(byte[] bytes)
    {
        string path = _folder.File("model.onnx");
        File.WriteAllBytes(path, bytes);
        return path;
    }
}
