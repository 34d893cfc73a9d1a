using System.Text.Json;
using PatchDpo.Tests;
using PatchDpo.Torch.Clip;

namespace PatchDpo.Torch.Tests.Clip;

/// <summary>Reads CLIP configurations from fixtures, which give Hugging Face's field names.</summary>
internal static class ClipFixture
{
    public static ClipVisionConfig Vision(JsonElement c) => new()
    {
        HiddenSize = c.GetProperty("hidden_size").GetInt32(),
        IntermediateSize = c.GetProperty("intermediate_size").GetInt32(),
        NumLayers = c.GetProperty("num_hidden_layers").GetInt32(),
        NumHeads = c.GetProperty("num_attention_heads").GetInt32(),
        ImageSize = c.GetProperty("image_size").GetInt32(),
        PatchSize = c.GetProperty("patch_size").GetInt32(),
        ProjectionDim = c.GetProperty("projection_dim").GetInt32(),
        Activation = c.TryGetProperty("hidden_act", out JsonElement act) ? Activation(act.GetString()!) : ClipActivation.QuickGelu,
    };

    public static ClipTextConfig Text(JsonElement c) => new()
    {
        HiddenSize = c.GetProperty("hidden_size").GetInt32(),
        IntermediateSize = c.GetProperty("intermediate_size").GetInt32(),
        NumLayers = c.GetProperty("num_hidden_layers").GetInt32(),
        NumHeads = c.GetProperty("num_attention_heads").GetInt32(),
        MaxPositions = c.GetProperty("max_position_embeddings").GetInt32(),
        VocabularySize = c.GetProperty("vocab_size").GetInt32(),
        ProjectionDim = c.GetProperty("projection_dim").GetInt32(),
        Activation = c.TryGetProperty("hidden_act", out JsonElement act) ? Activation(act.GetString()!) : ClipActivation.QuickGelu,
        EosTokenId = c.TryGetProperty("eos_token_id", out JsonElement eos) ? eos.GetInt32() : 2,
    };

    public static ClipActivation Activation(string name) => name switch
    {
        "quick_gelu" => ClipActivation.QuickGelu,
        "gelu" => ClipActivation.Gelu,
        _ => throw new NotSupportedException($"The fixture's activation '{name}' is unknown."),
    };

    /// <summary>A tokenizer of four ids: for models whose inputs are ids.</summary>
    public static ClipTokenizer TinyTokenizer(int maxLength)
    {
        using TemporaryFolder folder = new();
        WriteTokenizer(folder, new Dictionary<string, int> { ["a"] = 0, ["a</w>"] = 1, ["<|startoftext|>"] = 2, ["<|endoftext|>"] = 3 }, maxLength);
        return ClipTokenizer.FromFolder(folder.File(""));
    }

    /// <summary>Writes a tokenizer's files without merges.</summary>
    public static void WriteTokenizer(TemporaryFolder folder, Dictionary<string, int> vocabulary, int maxLength)
    {
        File.WriteAllText(folder.File("vocab.json"), JsonSerializer.Serialize(vocabulary));
        File.WriteAllText(folder.File("merges.txt"), "#version: 0.2\n");
        File.WriteAllText(folder.File("tokenizer_config.json"), $$"""{"model_max_length": {{maxLength}}}""");
    }
}
