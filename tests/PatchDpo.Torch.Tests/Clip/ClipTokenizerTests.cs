using System.Text.Json;
using PatchDpo.Tests;
using PatchDpo.Torch.Clip;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.Weights;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Clip;

public sealed class ClipTokenizerTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_tiny_folder_encodes_words_by_its_merges_and_falls_back_to_bytes()
    {
        ClipTokenizer tokenizer = ClipTokenizer.FromFolder(WriteFolder(["c a", "ca t</w>"], """{"model_max_length": 8, "pad_token": "<|endoftext|>"}"""));

        // 256 bytes, 256 bytes at a word's end, "ca", "cat</w>", then the two special tokens.
        Assert.Equal(516, tokenizer.VocabularySize);
        Assert.Equal(8, tokenizer.MaxLength);
        int a = 'a' - '!', t = 't' - '!';
        Assert.Equal([514, 513, 515], tokenizer.Encode("Cat"));
        Assert.Equal([514, 512, 256 + t - 1, 515], tokenizer.Encode("cas"));
        Assert.Equal([514, a, 256 + a, 515], tokenizer.Encode("aa"));
    }

    [Theory]
    [InlineData("\"!\"", 0)]
    [InlineData("{\"content\": \"!\", \"lstrip\": false}", 0)]
    [InlineData("\"<|endoftext|>\"", 514)]
    public void Batches_are_padded_with_the_folders_pad_token(string padToken, int pad)
    {
        ClipTokenizer tokenizer = ClipTokenizer.FromFolder(WriteFolder(["c a"], $$"""{"model_max_length": 5, "pad_token": {{padToken}}}"""));
        using Tensor ids = tokenizer.EncodeBatch(["ca", ""]);

        Assert.Equal(ScalarType.Int64, ids.dtype);
        Assert.Equal([2, 5], ids.shape);
        Assert.Equal([513, 'c' - '!', 256 + 'a' - '!', 514, pad, 513, 514, pad, pad, pad], ids.data<long>().ToArray().Select(i => (int)i));
    }

    [Fact]
    public void Long_texts_are_cut_and_still_end_with_the_end_token()
    {
        ClipTokenizer tokenizer = ClipTokenizer.FromFolder(WriteFolder([], """{"model_max_length": 4}"""));
        IReadOnlyList<int> ids = tokenizer.Encode("a b c d e f");

        Assert.Equal([512, 256 + 'a' - '!', 256 + 'b' - '!', 513], ids);
    }

    [Fact]
    public void An_unlimited_or_absent_maximum_means_77()
    {
        Assert.Equal(77, ClipTokenizer.FromFolder(WriteFolder([], """{"model_max_length": 1000000000000000019884624838656}""")).MaxLength);
        File.Delete(_folder.File("tokenizer_config.json"));
        Assert.Equal(77, ClipTokenizer.FromFolder(_folder.File("")).MaxLength);
    }

    [Fact]
    public void Letters_beyond_the_basic_plane_are_letters()
    {
        // A mathematical a beside an ordinary one is one word: only its last byte carries the word's end.
        ClipTokenizer tokenizer = ClipTokenizer.FromFolder(WriteFolder([], "{}"));
        Assert.Equal(1 + 4 + 1 + 1, tokenizer.Encode("\U0001D44Ea").Count);
        Assert.Equal(256 + 'a' - '!', tokenizer.Encode("\U0001D44Ea")[5]);
        Assert.True(tokenizer.Encode("\U0001D44Ea")[4] < 256);
    }

    [Fact]
    public void A_folder_without_merges_is_named()
    {
        WriteFolder([], "{}");
        File.Delete(_folder.File("merges.txt"));
        ModelFileNotFoundException e = Assert.Throws<ModelFileNotFoundException>(() => ClipTokenizer.FromFolder(_folder.File("")));
        Assert.Contains("merges.txt", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_special_token_outside_the_vocabulary_is_named_with_its_field()
    {
        WriteFolder([], """{"pad_token": "<pad>"}""");
        ModelConfigException e = Assert.Throws<ModelConfigException>(() => ClipTokenizer.FromFolder(_folder.File("")));
        Assert.Contains("<pad>", e.Message, StringComparison.Ordinal);
        Assert.Contains("pad_token", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_maximum_length_without_room_for_both_ends_is_refused()
    {
        WriteFolder([], """{"model_max_length": 1}""");
        ModelConfigException e = Assert.Throws<ModelConfigException>(() => ClipTokenizer.FromFolder(_folder.File("")));
        Assert.Equal("model_max_length", e.Field);
    }

    [Theory]
    [InlineData("c a t")]
    [InlineData("ca")]
    [InlineData("x q")]
    public void A_merge_that_the_vocabulary_does_not_know_is_named_by_its_line(string merge)
    {
        WriteFolder(["c a"], "{}");
        File.AppendAllText(_folder.File("merges.txt"), merge + "\n");
        WeightsFormatException e = Assert.Throws<WeightsFormatException>(() => ClipTokenizer.FromFolder(_folder.File("")));
        Assert.Contains("line 3", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_OpenAI_vocabulary_that_ends_early_is_refused()
    {
        string file = _folder.File("bpe.txt");
        File.WriteAllText(file, "header\na b\nab c</w>\n");
        WeightsFormatException e = Assert.Throws<WeightsFormatException>(() => ClipTokenizer.FromOpenAiVocabulary(file));
        Assert.Contains("found 2", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_that_only_looks_gzipped_is_refused()
    {
        string file = _folder.File("bpe.txt.gz");
        File.WriteAllText(file, "header\na b\n");
        Assert.Throws<WeightsFormatException>(() => ClipTokenizer.FromOpenAiVocabulary(file));
    }

    private string WriteFolder(string[] merges, string config)
    {
        Dictionary<string, int> vocabulary = OpenAiVocabulary.Build(merges, "<|startoftext|>", "<|endoftext|>");
        File.WriteAllText(_folder.File("vocab.json"), JsonSerializer.Serialize(vocabulary));
        File.WriteAllText(_folder.File("merges.txt"), string.Join('\n', ["#version: 0.2", .. merges]) + "\n");
        File.WriteAllText(_folder.File("tokenizer_config.json"), config);
        return _folder.File("");
    }
}
