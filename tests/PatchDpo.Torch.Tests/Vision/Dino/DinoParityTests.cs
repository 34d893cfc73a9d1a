using System.Text.Json;
using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.Vision.Dino;
using PatchDpo.Torch.Weights.Safetensors;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Vision.Dino;

public class DinoParityTests
{
    public static TheoryData<string> Fixture() => FixtureCases.Json("01_dino");

    [Theory]
    [MemberData(nameof(Fixture))]
    public void Every_output_matches_the_reference(string json)
    {
        using DisposeScope scope = NewDisposeScope();
        JsonElement fixture = Fixtures.Json(json);
        Dictionary<string, Tensor> io = Fixtures.Tensors(FixtureCases.Sibling(json, ".io.safetensors"));
        using DinoVisionTransformer model = Load(json);
        int compared = 0;
        foreach ((string key, Tensor expected) in io.Where(t => t.Key.StartsWith("out.", StringComparison.Ordinal)))
        {
            string output = key["out.".Length..];
            int dot = output.LastIndexOf('.');
            Tensor pixels = io["in." + output[..dot]];
            Fixtures.AssertClose(Run(model, output[(dot + 1)..], pixels), expected, FixtureCases.Tolerance(fixture, output), output);
            compared++;
        }
        Assert.Equal(fixture.GetProperty("tolerances").EnumerateObject().Count(), compared);
    }

    [Theory]
    [MemberData(nameof(Fixture))]
    public void Patch_features_are_the_last_intermediate_layer_in_rows_from_the_top(string json)
    {
        using DisposeScope scope = NewDisposeScope();
        using DinoVisionTransformer model = Load(json);
        int p = model.Config.PatchSize;
        Tensor pixels = randn(2, 3, (3 * p) + 1, 2 * p);
        Tensor tokens = model.IntermediateLayers(pixels, 1)[0];
        using VisionFeatures features = model.Encode(pixels);

        Assert.Equal([2, 3, 2, model.Config.EmbedDim], features.Patches.shape);
        Fixtures.AssertClose(features.Global, tokens[.., 0], 1e-6, "class token");
        Fixtures.AssertClose(features.Patches[.., 2, 1], tokens[.., 6], 1e-6, "third row, second column");
        Assert.False(features.Patches.requires_grad);
    }

    internal static DinoConfig Config(JsonElement config)
    {
        int dim = config.GetProperty("embed_dim").GetInt32();
        return new DinoConfig
        {
            ImageSize = config.GetProperty("img_size")[0].GetInt32(),
            PatchSize = config.GetProperty("patch_size").GetInt32(),
            EmbedDim = dim,
            Depth = config.GetProperty("depth").GetInt32(),
            NumHeads = config.GetProperty("num_heads").GetInt32(),
            IntermediateSize = (int)(dim * config.GetProperty("mlp_ratio").GetDouble()),
            QkvBias = config.GetProperty("qkv_bias").GetBoolean(),
            NormEps = config.GetProperty("norm_eps").GetDouble(),
        };
    }

    internal static DinoVisionTransformer Load(string json)
    {
        DinoVisionTransformer model = new(Config(Fixtures.Json(json).GetProperty("config")));
        using SafetensorsFile file = SafetensorsFile.Open(Fixtures.Path(FixtureCases.Sibling(json, ".weights.safetensors")));
        StateDictLoader.Load(model, file);
        model.eval();
        return model;
    }

    private static Tensor Run(DinoVisionTransformer model, string output, Tensor pixels) => output switch
    {
        "cls" => model.call(pixels),
        "pos_embed_used" => model.PositionEmbedding(pixels.shape[2], pixels.shape[3]),
        "intermediate_last" => model.IntermediateLayers(pixels, 2)[^1],
        "intermediate_prev" => model.IntermediateLayers(pixels, 2)[0],
        "last_selfattention" => model.LastSelfAttention(pixels),
        _ => throw new NotSupportedException($"The fixture's output '{output}' is unknown."),
    };
}
