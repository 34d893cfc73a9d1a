using System.Security.Cryptography;
using System.Text;
using PatchDpo.Tests;
using PatchDpo.Torch.Evaluation;
using PatchDpo.Torch.Weights;
using PatchDpo.Torch.Weights.Safetensors;
using PatchDpo.Torch.Weights.Sharded;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Weights.Sharded;

/// <summary>Sharded weights, sound and broken: what is broken gives an exception that names the index, the key and the shard.</summary>
public sealed class ShardedTensorFileTests : IDisposable
{
    private const string First = "model-00001-of-00002.safetensors", Second = "model-00002-of-00002.safetensors";

    private const string Good = $$$"""{"metadata": {"total_size": 24}, "weight_map": {"a": "{{{First}}}", "b": "{{{Second}}}", "c": "{{{First}}}"}}""";

    private readonly TemporaryFolder _folder = new();

    public ShardedTensorFileTests()
    {
        using DisposeScope scope = NewDisposeScope();
        SafetensorsWriter.Write(_folder.File(First), new Dictionary<string, Tensor> { ["a"] = tensor(new[] { 1f, 2f }), ["c"] = tensor(3L) });
        SafetensorsWriter.Write(_folder.File(Second), new Dictionary<string, Tensor> { ["b"] = tensor(new[] { 4f, 5f }) });
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Shards_are_read_as_one_file()
    {
        long before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        using (ITensorFile file = WeightsFile.Open(Index(Good)))
        {
            Assert.IsType<ShardedTensorFile>(file);
            Assert.Equal(["a", "b", "c"], file.Keys.Order());
            Assert.Equal("24", file.Metadata["total_size"]);
            Assert.Equal((ScalarType.Float32, ScalarType.Int64), (file.DType("b"), file.DType("c")));
            Assert.Equal([2], file.Shape("a"));
            Assert.Empty(file.Shape("c"));
            Assert.True(file.Contains("a"));
            Assert.False(file.Contains("d"));
            using Tensor a = file.Read("a"), b = file.Read("b", dtype: float64), c = file.Read("c"), target = zeros(2);
            Assert.Equal([1, 2], a.data<float>().ToArray());
            Assert.Equal([4, 5], b.data<double>().ToArray());
            Assert.Equal(3, c.item<long>());
            file.CopyTo("b", target);
            Assert.Equal([4, 5], target.data<float>().ToArray());
            KeyNotFoundException e = Assert.Throws<KeyNotFoundException>(() => file.Read("d"));
            Assert.Contains($"'{file.Path}' has no tensor 'd'", e.Message);
        }
        Assert.Equal(before, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
    }

    [Fact]
    public void Each_shard_is_opened_once_and_read_when_it_is_asked()
    {
        using ShardedTensorFile file = ShardedTensorFile.Open(Index(Good));
        Assert.Equal([_folder.File(First), _folder.File(Second)], file.ShardPaths);
        File.Delete(_folder.File(First));
        File.Delete(_folder.File(Second));
        using Tensor a = file.Read("a"), b = file.Read("b");
        Assert.Equal([1, 2, 4, 5], [.. a.data<float>(), .. b.data<float>()]);
    }

    [Fact]
    public void Shards_may_be_PyTorch_checkpoints()
    {
        byte[] checkpoint = CheckpointBytes.Checkpoint(new SamplePickle().Op("}").Text("w").Tensor("0", [2, 2], [2, 1]).Op("s").Stop());
        _folder.Write("pytorch_model-00001-of-00001.bin", checkpoint);
        using ITensorFile file = WeightsFile.Open(Index("""{"weight_map": {"w": "pytorch_model-00001-of-00001.bin"}}"""));
        using Tensor w = file.Read("w");
        Assert.Equal([1, 2, 3, 4], w.data<float>().ToArray());
        Assert.Empty(file.Metadata);
    }

    // transformers loads all tensors of all shards that the index names, whether it names them or not.
    [Fact]
    public void A_tensor_that_the_index_does_not_name_is_there_too()
    {
        using ShardedTensorFile file = ShardedTensorFile.Open(Index(Good.Replace($", \"c\": \"{First}\"", "")));
        Assert.Equal(["a", "b", "c"], file.Keys.Order());
        using Tensor c = file.Read("c");
        Assert.Equal(3, c.item<long>());
    }

    [Fact]
    public void A_missing_shard_is_named_with_its_first_key()
    {
        File.Delete(_folder.File(Second));
        string path = Index(Good);
        ModelFileNotFoundException e = Assert.Throws<ModelFileNotFoundException>(() => ShardedTensorFile.Open(path));
        Assert.Equal([Second], e.Candidates);
        Assert.Equal($"The model folder '{e.Folder}' has no file '{Second}', in which '{path}' places the tensor 'b'.", e.Message);
        Assert.Equal(Path.GetDirectoryName(path), e.Folder);
        AssertClosed(First);
    }

    [Theory]
    [InlineData("../model.safetensors", "'../model.safetensors'")]
    [InlineData("..", "'..'")]
    [InlineData(".", "'.'")]
    [InlineData("", "''")]
    [InlineData("/etc/passwd", "'/etc/passwd'")]
    [InlineData("./model.safetensors", "'./model.safetensors'")]
    [InlineData("sub/model.safetensors", "'sub/model.safetensors'")]
    [InlineData(@"..\\model.safetensors", @"'..\model.safetensors'")]
    [InlineData(@"C:\\model.safetensors", @"'C:\model.safetensors'")]
    [InlineData("C:model.safetensors", "'C:model.safetensors'")]
    [InlineData("model.safetensors:stream", "'model.safetensors:stream'")]
    [InlineData(@"\\\\server\\share\\model.safetensors", @"'\\server\share\model.safetensors'")]
    [InlineData(@"model\u0000.safetensors", @"'model\u0000.safetensors'")]
    [InlineData(@"\u002e\u002e\u002fmodel.safetensors", "'../model.safetensors'")]
    public void A_shard_outside_the_index_s_folder_is_refused(string name, string shown)
    {
        Refuses(Good.Replace(Second, name), "b", $"the shard {shown} is not the name of a file in the index's own folder");
    }

    [Fact]
    public void A_shard_with_an_endless_name_is_refused() =>
        Refuses(Good.Replace(Second, new string('x', 300)), "b", "is not the name of a file in the index's own folder");

    [Fact]
    public void A_key_in_two_shards_is_refused()
    {
        using DisposeScope scope = NewDisposeScope();
        SafetensorsWriter.Write(_folder.File(Second), new Dictionary<string, Tensor> { ["b"] = zeros(2), ["a"] = zeros(2) });
        Refuses(Good, "a", $"two shards have this tensor: '{First}' and '{Second}'");
        AssertClosed(First);
        AssertClosed(Second);
    }

    [Theory]
    [InlineData("a")]
    [InlineData(@"\u0061")]
    public void A_key_that_the_index_lists_twice_is_refused(string key) =>
        Refuses(Good.Replace("\"c\"", $"\"{key}\""), "a", $"the key appears twice in the index, in '{First}' and in '{First}'");

    [Fact]
    public void A_key_that_its_shard_lacks_is_refused()
    {
        Refuses(Good.Replace("\"c\"", "\"other\""), "other", $"the index places this tensor in '{First}', which lacks it");
        Refuses(Good.Replace($"\"c\": \"{First}\"", $"\"c\": \"{Second}\""), "c", $"the index places this tensor in '{Second}', but it is in '{First}'");
        AssertClosed(First);
    }

    [Fact]
    public void A_broken_shard_is_named_itself()
    {
        string shard = _folder.Write(Second, [1, 2, 3]);
        WeightsFormatException e = Assert.Throws<WeightsFormatException>(() => ShardedTensorFile.Open(Index(Good)));
        Assert.Equal(shard, e.Path);
        AssertClosed(First);
    }

    [Fact]
    public void An_index_is_no_shard()
    {
        string path = _folder.File("model.safetensors.index.json");
        WeightsFormatException e = Assert.Throws<WeightsFormatException>(() => ShardedTensorFile.Open(Index("""{"weight_map": {"a": "model.safetensors.index.json"}}""")));
        Assert.Equal(path, e.Path);
        Assert.Contains("neither a safetensors file nor a PyTorch checkpoint", e.Message);
    }

    [Fact]
    public void An_index_or_a_number_of_shards_above_the_limit_is_refused()
    {
        string path = Index(Good);
        AssertRefused(() => ShardedTensorFile.Open(path, new ShardedTensorOptions { MaxIndexBytes = 50 }), path, null,
            $"the index has {Good.Length} bytes; the limit is 50");
        AssertRefused(() => ShardedTensorFile.Open(path, new ShardedTensorOptions { MaxShards = 1 }), path, null, "the index names 2 shards; the limit is 1");
        Assert.Throws<ArgumentOutOfRangeException>(() => new ShardedTensorOptions { MaxIndexBytes = 0 });
        Assert.Throws<ArgumentOutOfRangeException>(() => new ShardedTensorOptions { MaxShards = 0 });
    }

    [Theory]
    [InlineData("", null, "not valid JSON")]
    [InlineData("{", null, "not valid JSON")]
    [InlineData("{} {}", null, "not valid JSON")]
    [InlineData("{\"weight_map\": {\"a\": \"b\",}}", null, "not valid JSON")]
    [InlineData("[]", null, "not a JSON object but Array")]
    [InlineData("12", null, "not a JSON object but Number")]
    [InlineData("{}", "weight_map", "lacks this field")]
    [InlineData("{\"weight_map\": null}", "weight_map", "not a JSON object")]
    [InlineData("{\"weight_map\": [\"a\"]}", "weight_map", "not a JSON object")]
    [InlineData("{\"weight_map\": {}, \"weight_map\": {}}", "weight_map", "appears twice")]
    [InlineData("{\"weight_map\": {\"a\": 1}}", "a", "the file of this key is not a string")]
    [InlineData("{\"weight_map\": {\"a\": [\"x\"]}}", "a", "the file of this key is not a string")]
    [InlineData("{\"metadata\": 1, \"weight_map\": {}}", "metadata", "not a JSON object")]
    [InlineData("{\"metadata\": {\"n\": 1, \"n\": 2}, \"weight_map\": {}}", "metadata", "'n' appears twice")]
    [InlineData("{\"weight_map\": {\"\\ud800\": \"x\"}}", null, "an escape that is no character")]
    [InlineData("{\"weight_map\": {\"a\": \"\\udc00\"}}", null, "an escape that is no character")]
    public void An_index_of_another_form_is_refused(string json, string? key, string problem) => Refuses(json, key, problem);

    [Fact]
    public void An_index_that_is_not_utf8_or_nested_deeply_is_refused()
    {
        string path = _folder.Write("bad.json", [.. Encoding.UTF8.GetBytes("{\"weight_map\": {\""), 0xff, .. Encoding.UTF8.GetBytes("\": \"x\"}}")]);
        AssertRefused(() => ShardedTensorFile.Open(path), path, null, "not valid UTF-8");
        string nested = string.Concat(Enumerable.Repeat("[", 100_000)) + string.Concat(Enumerable.Repeat("]", 100_000));
        Refuses($"{{\"metadata\": {{\"x\": {nested}}}, \"weight_map\": {{}}}}", null, "not valid JSON");
    }

    [Fact]
    public void A_strange_key_is_escaped_in_messages()
    {
        string path = Index("{\"weight_map\": {\"a\\u0000\\u202eb\": \"none\"}}");
        Assert.Contains("""'a\u0000\u202eb'""", Assert.Throws<ModelFileNotFoundException>(() => ShardedTensorFile.Open(path)).Message);
    }

    [Fact]
    public void Every_cut_and_every_changed_byte_of_an_index_is_refused_or_loads()
    {
        byte[] whole = Encoding.UTF8.GetBytes(Good);
        for (int i = 0; i < whole.Length; i++)
        {
            Survives(whole[..i]);
            foreach (byte value in new byte[] { 0, (byte)'"', (byte)'/', (byte)'}', 0xff })
                Survives([.. whole[..i], value, .. whole[(i + 1)..]]);
        }
    }

    [Fact]
    public void An_evaluation_model_in_shards_is_known_by_the_bytes_of_its_shards()
    {
        Index(Good);
        byte[] shards = [.. File.ReadAllBytes(_folder.File(First)), .. File.ReadAllBytes(_folder.File(Second))];
        EvaluationModel model = EvaluationModel.FromFolder("DINO", _folder.File(""));
        Assert.Equal(Path.GetFileName(Path.GetDirectoryName(_folder.File("x"))), model.Name);
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(shards)), model.Sha256);
        File.Move(_folder.File(First), _folder.File("model.safetensors"));
        Assert.Equal(EvaluationModel.FromFile("DINO", model.Name, _folder.File("model.safetensors")), EvaluationModel.FromFolder("DINO", _folder.File("")));
    }

    private string Index(string json) => _folder.Write("model.safetensors.index.json", Encoding.UTF8.GetBytes(json));

    private void AssertClosed(string shard) => new FileStream(_folder.File(shard), FileMode.Open, FileAccess.ReadWrite, FileShare.None).Dispose();

    private void Survives(byte[] bytes)
    {
        string path = _folder.Write("model.safetensors.index.json", bytes);
        try
        {
            using DisposeScope scope = NewDisposeScope();
            using ITensorFile file = ShardedTensorFile.Open(path);
            foreach (string key in file.Keys)
                file.Read(key);
        }
        catch (Exception e) when (e is WeightsFormatException or ModelFileNotFoundException)
        {
            Assert.Contains(path, e.Message);
        }
    }

    private void Refuses(string json, string? key, string problem)
    {
        string path = Index(json);
        AssertRefused(() => ShardedTensorFile.Open(path), path, key, problem);
    }

    private static void AssertRefused(Func<object> open, string path, string? key, string problem)
    {
        WeightsFormatException e = Assert.Throws<WeightsFormatException>(open);
        Assert.Equal((path, key), (e.Path, e.Key));
        Assert.StartsWith(key is null ? $"'{path}': " : $"'{path}', key '{key}': ", e.Message);
        Assert.Contains(problem, e.Message);
    }
}
