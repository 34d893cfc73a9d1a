using System.Buffers.Binary;
using System.Diagnostics;
using System.Text;
using PatchDpo.Tests;
using PatchDpo.Torch.Weights;
using PatchDpo.Torch.Weights.Safetensors;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Weights.Safetensors;

/// <summary>Hostile and broken safetensors files: each gives a WeightsFormatException that names the file, the key and the fault, or loads.</summary>
public sealed class SafetensorsBadInputTests : IDisposable
{
    private const string Good = """{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""";

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(7)]
    public void A_file_shorter_than_the_length_field_is_refused(int length) => Refuses(new byte[length], null, $"has at least 8 bytes, this one has {length}");

    [Fact]
    public void A_header_longer_than_the_file_is_refused() => Refuses(Bytes(Good, 8, headerLength: 1000), null, "claims 1000 bytes, but only 62 follow");

    [Fact]
    public void A_header_above_the_limit_is_refused()
    {
        string path = _folder.Write("a.safetensors", Bytes(Good, 8));
        AssertRefused(() => SafetensorsFile.Open(path, new SafetensorsOptions { MaxHeaderBytes = 50 }), path, null, "claims 54 bytes; the limit is 50");
    }

    [Theory]
    [InlineData(100_000_001UL)]
    [InlineData(0x8000_0000_0000_0000UL)]
    [InlineData(ulong.MaxValue)]
    public void A_huge_header_length_is_refused_without_allocating_it(ulong length)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        Refuses(Bytes(Good, 8, length), null, $"claims {length} bytes; the limit is 100000000");
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 200_000);
    }

    [Theory]
    [InlineData("w\u00ff")]
    [InlineData("\u00c0\u0080")]
    [InlineData("\u00ed\u00a0\u0080")]
    public void A_header_that_is_not_utf8_is_refused(string latin1) =>
        Refuses(Bytes(Encoding.Latin1.GetBytes(Good.Replace("w", latin1)), 8), null, "not valid UTF-8");

    [Fact]
    public void A_header_with_an_unpaired_surrogate_escape_is_refused() =>
        Refuses(Bytes(Good.Replace("w", "\\ud800"), 8), null, "an escape that is no character");

    [Theory]
    [InlineData("[]")]
    [InlineData("12")]
    [InlineData("\"w\"")]
    [InlineData(" {}")]
    [InlineData("\ufeff{}")]
    [InlineData("")]
    public void A_header_that_does_not_begin_with_a_brace_is_refused(string header) => Refuses(Bytes(header, 0), null, "does not begin with '{'");

    [Theory]
    [InlineData("{")]
    [InlineData("{\"w\"")]
    [InlineData("{\"w\":{\"dtype\":\"F32\",\"shape\":[2")]
    [InlineData("{} {}")]
    [InlineData("{}x")]
    [InlineData("{/* */}")]
    [InlineData("{,}")]
    public void A_header_that_is_not_json_is_refused(string header) => Refuses(Bytes(header, 0), null, "not valid JSON");

    [Theory]
    [InlineData("""{"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"w":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}""", "w")]
    [InlineData("""{"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"\u0077":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}""", "w")]
    [InlineData("""{"__metadata__":{},"__metadata__":{},"w":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}""", "__metadata__")]
    [InlineData("""{"__metadata__":{"a":"1","a":"2"},"w":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}""", "__metadata__")]
    [InlineData("""{"w":{"dtype":"U8","dtype":"I8","shape":[2],"data_offsets":[0,2]}}""", "w")]
    [InlineData("""{"w":{"dtype":"U8","shape":[2],"shape":[1,2],"data_offsets":[0,2]}}""", "w")]
    [InlineData("""{"w":{"dtype":"U8","shape":[2],"data_offsets":[0,2],"data_offsets":[0,2]}}""", "w")]
    public void A_key_that_stands_twice_is_refused(string header, string key) => Refuses(Bytes(header, 2), key, "twice");

    [Theory]
    [InlineData("""{"__metadata__":{"a":1}}""", "'a' is not a string")]
    [InlineData("""{"__metadata__":{"a":null}}""", "'a' is not a string")]
    [InlineData("""{"__metadata__":{"a":{"b":"c"}}}""", "'a' is not a string")]
    [InlineData("""{"__metadata__":["a"]}""", "not a JSON object")]
    [InlineData("""{"__metadata__":"a"}""", "not a JSON object")]
    public void Metadata_other_than_strings_are_refused(string header, string problem) => Refuses(Bytes(header, 0), "__metadata__", problem);

    [Theory]
    [InlineData("\"F33\"", "the dtype 'F33' is unknown")]
    [InlineData("\"f32\"", "the dtype 'f32' is unknown")]
    [InlineData("\"\"", "the dtype '' is unknown")]
    [InlineData("32", "'dtype' is not a string")]
    [InlineData("null", "'dtype' is not a string")]
    [InlineData("\"F8_E4M3\"", "dtype F8_E4M3 are not supported")]
    [InlineData("\"F8_E5M2\"", "dtype F8_E5M2 are not supported")]
    [InlineData("\"F4\"", "dtype F4 are not supported")]
    [InlineData("\"U64\"", "dtype U64 are not supported")]
    public void A_dtype_that_cannot_be_loaded_is_refused_by_name(string dtype, string problem)
        => Refuses(Bytes(Good.Replace("\"F32\"", dtype), 8), "w", problem);

    [Theory]
    [InlineData("-2")]
    [InlineData("2.0")]
    [InlineData("2e0")]
    [InlineData("9223372036854775808")]
    [InlineData("1e400")]
    [InlineData("\"2\"")]
    [InlineData("null")]
    [InlineData("[2]")]
    public void A_dimension_that_is_no_count_is_refused(string dimension) =>
        Refuses(Bytes(Good.Replace("[2]", $"[{dimension}]"), 8), "w", "'shape' holds something else than an integer");

    [Fact]
    public void A_shape_of_more_than_64_dimensions_is_refused() =>
        Refuses(Bytes(Good.Replace("[2]", $"[{string.Join(",", Enumerable.Repeat(1, 65))}]"), 8), "w", "'shape' has more than 64 values");

    [Theory]
    [InlineData("[4294967296,4294967296]")]              // the product of the dimensions overflows
    [InlineData("[4294967296,4294967296,0]")]            // … although nothing would be left of it
    [InlineData("[0,4611686018427387904,4]")]            // … or there is nothing from the start
    [InlineData("[2305843009213693952]")]                // the product with the element size overflows
    public void A_shape_whose_size_overflows_is_refused(string shape) => Refuses(Bytes(Good.Replace("[2]", shape), 8), "w", $"the shape {shape} overflows");

    [Fact]
    public void Data_that_begin_after_their_end_are_refused() => Refuses(Bytes(Good.Replace("[0,8]", "[8,0]"), 8), "w", "begins at 8, after its end at 0");

    [Theory]
    [InlineData("[0,9]", 9)]
    [InlineData("[0,9223372036854775807]", long.MaxValue)]
    [InlineData("[8,16]", 16)]
    public void Data_outside_the_file_are_refused(string offsets, long end) =>
        Refuses(Bytes(Good.Replace("[0,8]", offsets), 8), "w", $"ends at {end}, but the file has 8 bytes");

    [Theory]
    [InlineData("[-8,0]")]
    [InlineData("[0,8.5]")]
    [InlineData("[0,18446744073709551615]")]
    public void Offsets_that_are_no_counts_are_refused(string offsets) =>
        Refuses(Bytes(Good.Replace("[0,8]", offsets), 8), "w", "'data_offsets' holds something else than an integer");

    [Theory]
    [InlineData("[0]", "not a pair")]
    [InlineData("[]", "not a pair")]
    [InlineData("[0,8,8]", "more than 2 values")]
    [InlineData("{}", "not an array")]
    public void Offsets_that_are_no_pair_are_refused(string offsets, string problem) => Refuses(Bytes(Good.Replace("[0,8]", offsets), 8), "w", problem);

    [Theory]
    [InlineData("[0,8]", "[0,8]", "b", 0, 8)]
    [InlineData("[0,8]", "[4,12]", "b", 4, 8)]
    [InlineData("[0,8]", "[0,4]", "a", 0, 4)]
    public void Tensors_that_share_bytes_are_refused(string first, string second, string key, int begin, int end) =>
        Refuses(Bytes($$"""{"a":{{U8(first)}},"b":{{U8(second)}}}""", 12), key, $"begins at {begin}, inside other tensors' data, which end at {end}");

    [Theory]
    [InlineData("[4,8]", "[8,12]", "a")]
    [InlineData("[0,4]", "[8,12]", "b")]
    public void A_hole_between_tensors_is_refused(string first, string second, string key) =>
        Refuses(Bytes($$"""{"a":{{U8(first)}},"b":{{U8(second)}}}""", 12), key, "has a hole");

    [Theory]
    [InlineData(Good, 8, 9)]
    [InlineData("{}", 0, 1)]
    public void Bytes_after_the_last_tensor_are_refused(string header, int end, int dataLength) =>
        Refuses(Bytes(header, dataLength), null, $"the tensors' data ends at {end}, but the file has {dataLength} bytes of data");

    [Fact]
    public void A_file_cut_by_two_bytes_is_refused() => Refuses(Bytes(Good, 8)[..^2], "w", "ends at 8, but the file has 6 bytes");

    [Fact]
    public void A_file_that_is_cut_while_it_is_open_is_an_error_when_the_tensor_is_read()
    {
        string path = _folder.Write("a.safetensors", Bytes(Good, 8));
        using SafetensorsFile file = SafetensorsFile.Open(path);
        using (FileStream stream = new(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete))
            stream.SetLength(stream.Length - 1);
        AssertRefused(() => file.Read("w"), path, "w", "was cut short");
    }

    [Theory]
    [InlineData("[3]", "12 bytes, but its data has 8")]
    [InlineData("[]", "4 bytes, but its data has 8")]
    [InlineData("[0]", "0 bytes, but its data has 8")]
    public void Data_of_another_length_than_the_shape_are_refused(string shape, string problem) => Refuses(Bytes(Good.Replace("[2]", shape), 8), "w", problem);

    [Theory]
    [InlineData("""{"w":{"shape":[2],"data_offsets":[0,8]}}""", "'dtype' is missing")]
    [InlineData("""{"w":{"dtype":"F32","data_offsets":[0,8]}}""", "'shape' is missing")]
    [InlineData("""{"w":{"dtype":"F32","shape":[2]}}""", "'data_offsets' is missing")]
    [InlineData("""{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8],"x":1}}""", "the field 'x' is not part of the format")]
    [InlineData("""{"w":[]}""", "not a JSON object")]
    [InlineData("""{"w":null}""", "not a JSON object")]
    public void An_entry_of_another_form_is_refused(string header, string problem) => Refuses(Bytes(header, 8), "w", problem);

    [Fact]
    public void A_header_of_100_000_tensors_loads_in_bounded_time()
    {
        StringBuilder header = new("{");
        for (int i = 0; i < 100_000; i++)
            header.Append($"{(i > 0 ? "," : "")}\"layers.{i}.weight\":{{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[{i},{i + 1}]}}");
        byte[] bytes = Bytes(header.Append('}').ToString(), 100_000);
        bytes[^1] = 7;
        string path = _folder.Write("a.safetensors", bytes);

        Stopwatch time = Stopwatch.StartNew();
        using SafetensorsFile file = SafetensorsFile.Open(path);
        Assert.InRange(time.Elapsed.TotalSeconds, 0, 10);
        Assert.Equal(100_000, file.Keys.Count);
        using Tensor last = file.Read("layers.99999.weight");
        Assert.Equal(7, last[0].item<byte>());
    }

    [Theory]
    [InlineData("[", "]", "'shape' holds something else than an integer")]
    [InlineData("{\"a\":", "}", "'shape' is not an array")]
    public void Deeply_nested_json_is_refused(string open, string close, string problem)
    {
        string nested = string.Concat(Enumerable.Repeat(open, 100_000)) + "1" + string.Concat(Enumerable.Repeat(close, 100_000));
        Refuses(Bytes(Good.Replace("[2]", nested), 8), "w", problem);
    }

    [Theory]
    [InlineData("[0,1]")]
    [InlineData("[0,9223372036854775807]")]
    [InlineData("[4611686018427387904,0]")]
    public void An_empty_tensor_of_any_shape_is_read(string shape)
    {
        using SafetensorsFile file = SafetensorsFile.Open(_folder.Write("a.safetensors", Bytes(Good.Replace("[2]", shape).Replace("[0,8]", "[0,0]"), 0)));
        using Tensor w = file.Read("w"), doubled = file.Read("w", dtype: float64);
        Assert.Equal(shape, $"[{string.Join(",", w.shape)}]");
        Assert.Equal(0, doubled.numel());
    }

    [Theory]
    [InlineData("BOOL")]
    [InlineData("F16")]
    public void A_tensor_of_64_dimensions_is_read(string dtype)
    {
        string shape = $"[2,{string.Join(",", Enumerable.Repeat(1, 63))}]";
        byte[] bytes = Bytes(Good.Replace("[2]", shape).Replace("F32", dtype).Replace("[0,8]", dtype == "BOOL" ? "[0,2]" : "[0,4]"), dtype == "BOOL" ? 2 : 4);
        using SafetensorsFile file = SafetensorsFile.Open(_folder.Write("a.safetensors", bytes));
        using Tensor w = file.Read("w"), floats = file.Read("w", dtype: float32);
        Assert.Equal((64, 2), (w.dim(), floats.numel()));
    }

    [Theory]
    [InlineData("a\0b", "'a\\u0000b'")]
    [InlineData("../../etc/passwd", "'../../etc/passwd'")]
    [InlineData("\u202eevil", "'\\u202eevil'")]
    [InlineData("重み", "'重み'")]
    public void A_strange_key_is_only_a_name_and_is_escaped_in_messages(string key, string shown)
    {
        using DisposeScope scope = NewDisposeScope();
        string path = _folder.File("a.safetensors");
        SafetensorsWriter.Write(path, new Dictionary<string, Tensor> { [key] = ones(2) });
        using SafetensorsFile file = SafetensorsFile.Open(path);
        Assert.Equal([key], file.Keys);
        Fixtures.AssertClose(file.Read(key), ones(2), 0, key);
        Assert.Contains(shown, new WeightsFormatException(path, key, "x").Message);
    }

    [Fact]
    public void Weights_that_are_not_finite_load_and_are_reported_on_request()
    {
        using DisposeScope scope = NewDisposeScope();
        string path = _folder.File("a.safetensors");
        SafetensorsWriter.Write(path, new Dictionary<string, Tensor>
        {
            ["fine"] = ones(3),
            ["nan"] = full(3, float.NaN),
            ["inf"] = tensor(new[] { 1f, float.PositiveInfinity }).to(float16),
            ["minus"] = full(3, float.NegativeInfinity).to(bfloat16),
            ["integers"] = ones(3, int64),
            ["empty"] = empty(0),
        });
        using SafetensorsFile file = SafetensorsFile.Open(path);
        Assert.True(file.Read("nan").isnan().all().item<bool>());
        Assert.Equal(["nan", "minus", "inf"], file.FindNonFinite());
    }

    [Fact]
    public void A_bool_byte_above_one_is_read_as_true()
    {
        byte[] bytes = Bytes("""{"w":{"dtype":"BOOL","shape":[3],"data_offsets":[0,3]}}""", 3);
        bytes[^1] = 0xff;
        bytes[^2] = 2;
        using SafetensorsFile file = SafetensorsFile.Open(_folder.Write("a.safetensors", bytes));
        using Tensor w = file.Read("w");
        Assert.Equal(2, w.sum().item<long>());
    }

    [Fact]
    public void A_missing_file_a_folder_and_a_missing_key_are_told_apart()
    {
        Assert.Throws<FileNotFoundException>(() => SafetensorsFile.Open(_folder.File("none")));
        Assert.Throws<UnauthorizedAccessException>(() => SafetensorsFile.Open(Path.GetDirectoryName(_folder.File("x"))!));
        using SafetensorsFile file = SafetensorsFile.Open(_folder.Write("a.safetensors", Bytes(Good, 8)));
        KeyNotFoundException e = Assert.Throws<KeyNotFoundException>(() => file.Read("other"));
        Assert.Contains("'other'", e.Message);
        Assert.Contains(file.Path, e.Message);
    }

    [Fact]
    public void Every_cut_and_every_changed_byte_of_a_file_is_refused_or_loads()
    {
        byte[] whole = Bytes("""{"a":{"dtype":"F16","shape":[2],"data_offsets":[0,4]},"b":{"dtype":"I8","shape":[],"data_offsets":[4,5]}}""", 5);
        for (int i = 0; i < whole.Length; i++)
        {
            Survives(whole[..i]);
            foreach (byte value in new byte[] { 0, (byte)'"', (byte)'9', (byte)'[', 0xff })
                Survives([.. whole[..i], value, .. whole[(i + 1)..]]);
        }
    }

    private static byte[] Bytes(string header, int dataLength, ulong? headerLength = null) => Bytes(Encoding.UTF8.GetBytes(header), dataLength, headerLength);

    private static byte[] Bytes(byte[] header, int dataLength, ulong? headerLength = null)
    {
        byte[] bytes = new byte[8 + header.Length + dataLength];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, headerLength ?? (ulong)header.Length);
        header.CopyTo(bytes, 8);
        return bytes;
    }

    private static string U8(string offsets)
    {
        string[] ends = offsets.Trim('[', ']').Split(',');
        return $$"""{"dtype":"U8","shape":[{{int.Parse(ends[1]) - int.Parse(ends[0])}}],"data_offsets":{{offsets}}}""";
    }

    private void Survives(byte[] bytes)
    {
        string path = _folder.Write("a.safetensors", bytes);
        try
        {
            using DisposeScope scope = NewDisposeScope();
            using SafetensorsFile file = SafetensorsFile.Open(path);
            file.ReadAll();
        }
        catch (WeightsFormatException e)
        {
            Assert.Equal(path, e.Path);
        }
    }

    private void Refuses(byte[] bytes, string? key, string problem)
    {
        string path = _folder.Write("a.safetensors", bytes);
        AssertRefused(() => SafetensorsFile.Open(path), path, key, problem);
    }

    private static void AssertRefused(Func<object> open, string path, string? key, string problem)
    {
        WeightsFormatException e = Assert.Throws<WeightsFormatException>(open);
        Assert.Equal(path, e.Path);
        Assert.StartsWith($"'{path}'", e.Message);
        Assert.Contains(problem, e.Message);
        if (key is not null)
        {
            Assert.Equal(key, e.Key);
            Assert.Contains($"key '{key}'", e.Message);
        }
    }
}
