using System.Text.Json;
using System.Text.Json.Nodes;
using PatchDpo.Tests;
using PatchDpo.Torch.Clip;
using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.Personalization;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Clip;

/// <summary>The files beside a vocabulary. Ids: 0 to 511 bytes, 512 the start, 513 the end token.</summary>
public sealed class ClipTokenizerFolderTests : IDisposable
{
    private const int Start = 512, End = 513;

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("added_tokens.json", """{"<cat-toy>": 514}""")]
    [InlineData("tokenizer_config.json", """{"added_tokens_decoder": {"514": {"content": "<cat-toy>", "lstrip": false, "normalized": true, "rstrip": false, "single_word": false, "special": false}}}""")]
    [InlineData("tokenizer.json", """{"added_tokens": [{"id": 514, "content": "<cat-toy>", "single_word": false, "lstrip": false, "rstrip": false, "normalized": true, "special": false}]}""")]
    [InlineData("special_tokens_map.json", """{"additional_special_tokens": ["<cat-toy>"]}""")]
    [InlineData("tokenizer_config.json", """{"additional_special_tokens": [{"content": "<cat-toy>"}]}""")]
    public void A_placeholder_stays_whole_whichever_file_names_it(string file, string json)
    {
        WriteVocabulary();
        Write(file, json);
        Assert.Equal([Start, Last('a'), 514, .. Word("dog"), End], Encode("a <cat-toy> dog"));
        Assert.Equal([Start, Last('a'), 514, 514, .. Word("dog"), End], Encode("A<cat-toy><cat-toy>Dog"));
        Assert.Equal(515, ClipTokenizer.FromFolder(_folder.File("")).VocabularySize);
    }

    [Fact]
    public void A_placeholder_is_looked_for_as_it_is_written_and_the_longest_wins()
    {
        WriteVocabulary();
        Write("added_tokens.json", """{"<s>": 514, "<s>_1": 515, "Sks": 516}""");
        Assert.Equal([Start, 514, 515, 516, .. Word("sks"), End], Encode("<s> <s>_1 Sks sks"));
    }

    [Theory]
    [InlineData("a toy b", true)]
    [InlineData("toy", true)]
    [InlineData("a toys b", false)]
    [InlineData("a,toy b", false)]
    public void A_single_word_token_is_one_between_spaces_alone(string text, bool whole)
    {
        WriteVocabulary();
        Write("tokenizer_config.json", """{"added_tokens_decoder": {"514": {"content": "toy", "single_word": true}}}""");
        Assert.Equal(whole, Encode(text).Contains(514));
    }

    [Theory]
    [InlineData(null, "{}", End)]
    [InlineData("\"!\"", null, 0)]
    [InlineData("\"a\"", "{\"pad_token\": \"!\"}", 0)]
    [InlineData("\"a\"", "{\"pad_token\": {\"content\": \"!\", \"lstrip\": false}}", 0)]
    [InlineData("\"!\"", "{\"pad_token\": null}", 0)]
    [InlineData("\"!\"", "{\"bos_token\": \"<|startoftext|>\"}", 0)]
    public void The_map_of_special_tokens_wins_over_the_configuration(string? configured, string? map, int pad)
    {
        WriteVocabulary();
        Write("tokenizer_config.json", configured is null ? """{"model_max_length": 16}""" : $$"""{"model_max_length": 16, "pad_token": {{configured}}}""");
        if (map is not null)
            Write("special_tokens_map.json", map);
        using Tensor ids = ClipTokenizer.FromFolder(_folder.File("")).EncodeBatch(["a"]);
        Assert.Equal([Start, Last('a'), End, .. Enumerable.Repeat((long)pad, 13)], ids.data<long>().ToArray());
    }

    [Fact]
    public void A_configuration_that_lists_added_tokens_has_the_last_word()
    {
        WriteVocabulary();
        Write("tokenizer_config.json", """{"model_max_length": 4, "pad_token": "!", "added_tokens_decoder": {"514": {"content": "<new>"}}}""");
        Write("special_tokens_map.json", """{"pad_token": "a"}""");
        Write("added_tokens.json", """{"<old>": 515}""");
        ClipTokenizer tokenizer = ClipTokenizer.FromFolder(_folder.File(""));
        using Tensor ids = tokenizer.EncodeBatch(["<new>"]);
        Assert.Equal([Start, 514, End, 0], ids.data<long>().ToArray());
        Assert.Equal(515, tokenizer.VocabularySize);
    }

    [Fact]
    public void A_special_token_that_is_an_ordinary_one_is_cut_out_of_a_text()
    {
        WriteVocabulary();
        Write("special_tokens_map.json", """{"pad_token": "!"}""");
        Assert.Equal([Start, .. Word("a"), 0, 0, End], Encode("a!!"));
    }

    [Fact]
    public void Start_and_end_may_be_tokens_that_were_added()
    {
        WriteVocabulary();
        Write("special_tokens_map.json", """{"bos_token": "<s>", "eos_token": {"content": "</s>"}, "unk_token": "</s>"}""");
        Write("added_tokens.json", """{"<s>": 514, "</s>": 515}""");
        Assert.Equal([514, Last('a'), 515], Encode("a"));
    }

    [Theory]
    [InlineData("[\"c a\", \"ca t</w>\"]")]
    [InlineData("[[\"c\", \"a\"], [\"ca\", \"t</w>\"]]")]
    public void A_lone_tokenizer_json_has_vocabulary_merges_and_added_tokens(string merges)
    {
        Dictionary<string, int> vocabulary = OpenAiVocabulary.Build(["c a", "ca t</w>"], "<|startoftext|>", "<|endoftext|>");
        Write("tokenizer.json", $$$"""
            {"model": {"type": "BPE", "end_of_word_suffix": "</w>", "unk_token": "<|endoftext|>", "vocab": {{{JsonSerializer.Serialize(vocabulary)}}}, "merges": {{{merges}}}},
             "added_tokens": [
               {"id": 514, "content": "<|startoftext|>", "single_word": false, "lstrip": false, "rstrip": false, "normalized": true, "special": true},
               {"id": 516, "content": "<Toy>", "single_word": false, "lstrip": false, "rstrip": false, "normalized": true, "special": false},
               {"id": 517, "content": "<Raw>", "single_word": true, "lstrip": false, "rstrip": false, "normalized": false, "special": false}]}
            """);
        // Normalized ones are looked for in the lower-case text, others as they are written.
        Assert.Equal([514, 513, 516, 516, 517, 515], Encode("cat <toy> <TOY>,<Raw>".Replace(",", " ", StringComparison.Ordinal)));
        Assert.Equal([514, 513, Last(','), 517, 515], Encode("cat ,<Raw>"));
        Assert.DoesNotContain(517, Encode("x<Raw>"));
        Assert.DoesNotContain(517, Encode("<raw>"));
    }

    [Fact]
    public void Vocabulary_and_merges_win_over_a_tokenizer_json()
    {
        WriteVocabulary();
        Write("tokenizer.json", """{"model": {"type": "Unigram"}, "added_tokens": []}""");
        Assert.Equal([Start, .. Word("a"), End], Encode("a"));
    }

    [Theory]
    [InlineData("""{"model": {"type": "Unigram", "vocab": [["a", -1.0]]}}""", "model.type")]
    [InlineData("""{"model": {"type": "BPE", "vocab": {"a": 0}, "merges": []}}""", "model.end_of_word_suffix")]
    [InlineData("""{"model": {"type": "BPE", "end_of_word_suffix": "</w>", "vocab": {"a": 0}, "merges": ["a b"]}}""", "model.merges[0]")]
    [InlineData("""{"added_tokens": []}""", "model")]
    public void A_tokenizer_json_of_another_kind_is_named_by_its_field(string json, string field)
    {
        Write("tokenizer.json", json);
        ModelConfigException e = Assert.Throws<ModelConfigException>(() => ClipTokenizer.FromFolder(_folder.File("")));
        Assert.Equal((_folder.File("tokenizer.json"), field), (e.Path, e.Field));
    }

    [Theory]
    [InlineData("added_tokens.json", """{"<a>": -1}""", "<a>")]
    [InlineData("added_tokens.json", """{"<a>": 1.5}""", "<a>")]
    [InlineData("added_tokens.json", """["<a>"]""", null)]
    [InlineData("tokenizer_config.json", """{"added_tokens_decoder": {"x": {"content": "<a>"}}}""", "added_tokens_decoder.x")]
    [InlineData("tokenizer_config.json", """{"added_tokens_decoder": {"-3": {"content": "<a>"}}}""", "added_tokens_decoder.-3")]
    [InlineData("tokenizer_config.json", """{"added_tokens_decoder": {"514": "<a>"}}""", "added_tokens_decoder.514")]
    [InlineData("tokenizer_config.json", """{"added_tokens_decoder": {"514": {"id": 3}}}""", "added_tokens_decoder.514.content")]
    [InlineData("tokenizer_config.json", """{"added_tokens_decoder": []}""", "added_tokens_decoder")]
    [InlineData("special_tokens_map.json", """{"pad_token": 3}""", "pad_token")]
    [InlineData("special_tokens_map.json", """{"pad_token": {"lstrip": false}}""", "pad_token.content")]
    [InlineData("special_tokens_map.json", """{"additional_special_tokens": [1]}""", "additional_special_tokens[0]")]
    [InlineData("special_tokens_map.json", """{"additional_special_tokens": {}}""", "additional_special_tokens")]
    [InlineData("special_tokens_map.json", """{"pad_token": "\ud800"}""", "pad_token")]
    [InlineData("tokenizer.json", """{"added_tokens": [{"id": "1", "content": "a"}]}""", "added_tokens[0].id")]
    [InlineData("tokenizer.json", """{"added_tokens": ["a"]}""", "added_tokens")]
    public void What_is_wrong_with_a_file_is_told_with_its_field(string file, string json, string? field)
    {
        WriteVocabulary();
        Write(file, json);
        ModelConfigException e = Assert.Throws<ModelConfigException>(() => ClipTokenizer.FromFolder(_folder.File("")));
        Assert.Equal((_folder.File(file), field), (e.Path, e.Field));
    }

    [Theory]
    [InlineData("vocab.json")]
    [InlineData("merges.txt")]
    [InlineData("added_tokens.json")]
    public void A_file_of_impossible_size_is_refused_before_it_is_read(string file)
    {
        WriteVocabulary();
        using (FileStream stream = File.OpenWrite(_folder.File(file)))
            stream.SetLength(1L << 32);
        Assert.Contains("bytes", Assert.Throws<ModelConfigException>(() => ClipTokenizer.FromFolder(_folder.File(""))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_change_of_one_value_loads_or_is_told_by_a_documented_exception()
    {
        object?[] values = [null, true, -1, 0, 1, 513, 514, int.MaxValue, 1e300, 0.5, "", "x", "\u0000", new JsonArray(), new JsonArray(1),
            new JsonArray("a", "b"), new JsonObject()];
        (string File, string Json)[] files =
        [
            ("tokenizer_config.json", """{"model_max_length": 16, "bos_token": "<|startoftext|>", "pad_token": {"content": "!", "single_word": false}, "additional_special_tokens": ["<x>"], "added_tokens_decoder": {"514": {"content": "<y>", "single_word": true, "normalized": true}}}"""),
            ("special_tokens_map.json", """{"eos_token": "<|endoftext|>", "unk_token": {"content": "<|endoftext|>", "single_word": true}, "additional_special_tokens": [{"content": "<z>"}]}"""),
            ("added_tokens.json", """{"<v>": 514}"""),
            ("tokenizer.json", """{"added_tokens": [{"id": 515, "content": "<w>", "single_word": false, "normalized": true}], "model": {"type": "BPE", "vocab": {}}}"""),
        ];
        var told = new List<string>();
        foreach ((string file, string json) in files)
        {
            foreach (string place in Places(JsonNode.Parse(json)!, ""))
            {
                foreach (object? value in values)
                {
                    WriteVocabulary();
                    foreach ((string other, _) in files)
                        File.Delete(_folder.File(other));
                    JsonNode root = JsonNode.Parse(json)!;
                    Set(root, place, value is JsonNode node ? node.DeepClone() : JsonSerializer.SerializeToNode(value));
                    Write(file, root.ToJsonString());
                    try
                    {
                        ClipTokenizer.FromFolder(_folder.File("")).FindTruncated(["a <x> <y> !"]);
                    }
                    catch (ModelConfigException e)
                    {
                        told.Add(e.Message);
                    }
                }
            }
        }
        Assert.NotEmpty(told);
    }

    [Fact]
    public void An_id_without_an_embedding_is_told_when_the_model_is_loaded()
    {
        string folder = TinyPersonalizedModel.Write(_folder.File("model"), family: TinyFamily.Sd15);
        string file = Path.Combine(folder, "tokenizer", "added_tokens.json");
        File.WriteAllText(file, """{"<cat-toy>": 600}""");
        ModelConfigException e = Assert.Throws<ModelConfigException>(() => PersonalizedModel.Load(folder));
        Assert.Equal((file, "<cat-toy>"), (e.Path, e.Field));
        Assert.Contains("600", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_a_text_loses_is_told_with_its_tokens()
    {
        WriteVocabulary();
        Write("added_tokens.json", """{"<cat-toy>": 514}""");
        Write("tokenizer_config.json", """{"model_max_length": 6}""");
        ClipTokenizer tokenizer = ClipTokenizer.FromFolder(_folder.File(""));
        TruncatedPrompt cut = Assert.Single(tokenizer.FindTruncated(["abcd", "a b c d  É! <cat-toy> z"]));
        Assert.Equal(new TruncatedPrompt(1, 9, 4, "é ! <cat-toy> z"), cut);
        Assert.Equal("Prompt 1 is cut: it has 9 tokens and the text encoder takes 4; left out: 'é ! <cat-toy> z'.", cut.ToString());
    }

    private static IEnumerable<string> Places(JsonNode node, string path) => node switch
    {
        JsonObject o => o.SelectMany(p => Places(p.Value!, $"{path}/{p.Key}").Prepend($"{path}/{p.Key}")),
        JsonArray a => a.SelectMany((v, i) => Places(v!, $"{path}/{i}").Prepend($"{path}/{i}")),
        _ => [],
    };

    private static void Set(JsonNode root, string path, JsonNode? value)
    {
        string[] steps = path.Split('/')[1..];
        foreach (string step in steps[..^1])
            root = root is JsonArray a ? a[int.Parse(step, null)]! : root[step]!;
        if (root is JsonArray array)
            array[int.Parse(steps[^1], null)] = value;
        else
            root[steps[^1]] = value;
    }

    private static int First(char c) => c - '!';

    private static int Last(char c) => 256 + c - '!';

    private static IEnumerable<int> Word(string word) => [.. word[..^1].Select(First), Last(word[^1])];

    private IReadOnlyList<int> Encode(string text) => ClipTokenizer.FromFolder(_folder.File("")).Encode(text);

    private void WriteVocabulary()
    {
        Write("vocab.json", JsonSerializer.Serialize(OpenAiVocabulary.Build([], "<|startoftext|>", "<|endoftext|>")));
        Write("merges.txt", "#version: 0.2\n");
    }

    private void Write(string name, string text) => File.WriteAllText(_folder.File(name), text);
}
