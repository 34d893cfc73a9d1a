using System.Text;
using PatchDpo.Tests;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.Weights;

namespace PatchDpo.Torch.Tests.Models;

public sealed class ModelConfigTests : IDisposable
{
    private const string Json = """
        {"i":3,"d":1e-5,"s":"gelu","b":true,"n":null,"heads":[5,10,20],"names":["a","b"],"mixed":[1,"x"],"big":4294967296,"nested":{"deep":{"x":"no number"}}}
        """;

    private readonly TemporaryFolder _folder = new();
    private readonly ModelConfig _config = ModelConfig.Parse(Json, "config.json");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Fields_are_read_by_kind()
    {
        Assert.Equal(3, _config.GetInt32("i"));
        Assert.Equal(3.0, _config.GetDouble("i"));
        Assert.Equal(1e-5, _config.GetDouble("d"));
        Assert.Equal("gelu", _config.GetString("s"));
        Assert.True(_config.GetBoolean("b"));
        Assert.Equal([5, 10, 20], _config.GetInt32Array("heads"));
        Assert.Equal([5, 10, 20], _config.GetInt32Array("heads", 3));
        Assert.Equal([5.0, 10.0, 20.0], _config.GetDoubleArray("heads"));
        Assert.Equal(["a", "b"], _config.GetStringArray("names"));
        Assert.Equal("no number", _config.GetObject("nested").GetObject("deep").GetString("x"));
    }

    [Fact]
    public void A_single_number_is_repeated_where_an_array_is_asked_for() => Assert.Equal([3, 3], _config.GetInt32Array("i", 2));

    [Fact]
    public void A_missing_field_and_a_null_give_the_default()
    {
        Assert.Equal(7, _config.GetInt32("n", 7));
        Assert.Equal(0.5, _config.GetDouble("none", 0.5));
        Assert.Equal("x", _config.GetString("n", "x"));
        Assert.True(_config.GetBoolean("none", true));
        Assert.False(_config.Has("n"));
        Assert.True(_config.Has("i"));
    }

    [Fact]
    public void A_wrong_field_is_an_error_that_names_file_field_and_value()
    {
        AssertWrong(() => _config.GetInt32("none"), "none", "missing or null");
        AssertWrong(() => _config.GetString("n"), "n", "missing or null");
        AssertWrong(() => _config.GetInt32("s"), "s", "expected a 32-bit integer, found \"gelu\"");
        AssertWrong(() => _config.GetInt32("d", 1), "d", "expected a 32-bit integer, found 1e-5");
        AssertWrong(() => _config.GetInt32("big"), "big", "found 4294967296");
        AssertWrong(() => _config.GetBoolean("i"), "i", "expected true or false, found 3");
        AssertWrong(() => _config.GetDouble("b"), "b", "expected a number, found true");
        AssertWrong(() => _config.GetString("i"), "i", "expected a string, found 3");
        AssertWrong(() => _config.GetInt32Array("heads", 4), "heads", "expected 4 values, found 3");
        AssertWrong(() => _config.GetInt32Array("mixed"), "mixed[1]", "found \"x\"");
        AssertWrong(() => _config.GetStringArray("mixed"), "mixed[0]", "found 1");
        AssertWrong(() => _config.GetDoubleArray("mixed"), "mixed[1]", "found \"x\"");
        AssertWrong(() => _config.GetObject("i"), "i", "expected an object");
        AssertWrong(() => _config.GetObject("nested").GetObject("deep").GetInt32("x"), "nested.deep.x", "found \"no number\"");
    }

    [Theory]
    [InlineData("", "not valid JSON")]
    [InlineData("{", "not valid JSON")]
    [InlineData("{} {}", "not valid JSON")]
    [InlineData("{\"a\":1,\"a\":2}", "not valid JSON")]
    [InlineData("[1]", "expected a JSON object, found Array")]
    public void A_file_that_is_no_json_object_is_an_error_that_names_it(string text, string problem)
    {
        string path = _folder.Write("config.json", Encoding.UTF8.GetBytes(text));
        ModelConfigException e = Assert.Throws<ModelConfigException>(() => ModelConfig.Read(path));
        Assert.Equal(path, e.Path);
        Assert.Contains(path, e.Message);
        Assert.Contains(problem, e.Message);
    }

    [Fact]
    public void A_byte_order_mark_is_skipped_and_broken_utf8_is_refused()
    {
        Assert.Equal(3, ModelConfig.Read(_folder.Write("bom.json", [0xef, 0xbb, 0xbf, .. Encoding.UTF8.GetBytes(Json)])).GetInt32("i"));
        Assert.Equal(3, ModelConfig.Read(_folder.Write("utf16.json", [0xff, 0xfe, .. Encoding.Unicode.GetBytes(Json)])).GetInt32("i"));
        ModelConfigException e = Assert.Throws<ModelConfigException>(() => ModelConfig.Read(_folder.Write("bad.json", [(byte)'{', 0xff, (byte)'}'])));
        Assert.Contains("not valid UTF-8", e.Message);
    }

    [Fact]
    public void The_first_candidate_that_a_model_folder_has_is_taken()
    {
        string fp16 = _folder.Write("model.fp16.safetensors", []);
        string folder = Path.GetDirectoryName(fp16)!;
        Assert.Equal(fp16, ModelFolder.RequireFile(folder));
        string full = _folder.Write("diffusion_pytorch_model.safetensors", []);
        Assert.Equal(full, ModelFolder.RequireFile(folder));
        Assert.Equal(fp16, ModelFolder.RequireFile(folder, "none", "model.fp16.safetensors"));
    }

    [Fact]
    public void Weights_are_looked_for_in_the_order_of_transformers_and_diffusers()
    {
        string[] names =
        [
            "diffusion_pytorch_model.safetensors.index.fp16.json", "diffusion_pytorch_model.fp16.safetensors", "model.safetensors.index.fp16.json", "model.fp16.safetensors",
            "diffusion_pytorch_model.bin.index.json", "diffusion_pytorch_model.bin", "pytorch_model.bin.index.json", "pytorch_model.bin",
            "diffusion_pytorch_model.safetensors.index.json", "diffusion_pytorch_model.safetensors", "model.safetensors.index.json", "model.safetensors",
        ];
        foreach (string name in names)
            Assert.Equal(_folder.Write(name, []), ModelFolder.RequireFile(_folder.File("")));
    }

    [Fact]
    public void A_missing_model_file_is_an_error_that_names_the_folder_and_what_was_looked_for()
    {
        string folder = Path.GetDirectoryName(_folder.File("x"))!;
        ModelFileNotFoundException e = Assert.Throws<ModelFileNotFoundException>(() => ModelFolder.RequireFile(folder, "config.json", "open_clip_config.json"));
        Assert.Equal($"The model folder '{folder}' has none of these files: config.json, open_clip_config.json.", e.Message);
        e = Assert.Throws<ModelFileNotFoundException>(() => ModelFolder.RequireFile(_folder.File("none")));
        Assert.Contains("does not exist", e.Message);
        Assert.Contains("diffusion_pytorch_model.safetensors", e.Message);
    }

    private static void AssertWrong(Func<object> read, string field, string problem)
    {
        ModelConfigException e = Assert.Throws<ModelConfigException>(read);
        Assert.Equal("config.json", e.Path);
        Assert.Equal(field, e.Field);
        Assert.StartsWith($"'config.json', field '{field}': ", e.Message);
        Assert.Contains(problem, e.Message);
    }
}
