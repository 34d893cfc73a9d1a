using System.Text.Json;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.Vision.Dino;
using PatchDpo.Torch.Weights.Safetensors;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Vision.Dino;

public class DinoV2ParityTests
{
    public static TheoryData<string> Fixture() => FixtureCases.Json("02_dinov2");

    [Theory]
    [MemberData(nameof(Fixture))]
    public void Every_output_matches_the_reference(string json)
    {
        using DisposeScope scope = NewDisposeScope();
        JsonElement fixture = Fixtures.Json(json);
        Dictionary<string, Tensor> io = Fixtures.Tensors(FixtureCases.Sibling(json, ".io.safetensors"));
        using DinoV2VisionTransformer model = Load(json);
        int compared = 0;
        foreach ((string key, Tensor expected) in io.Where(t => t.Key.StartsWith("out.", StringComparison.Ordinal)))
        {
            string output = key["out.".Length..];
            int dot = output.LastIndexOf('.');
            Tensor actual = Run(model, output[(dot + 1)..], io["in." + output[..dot]]);
            Fixtures.AssertClose(actual, expected, FixtureCases.Tolerance(fixture, output), output);
            compared++;
        }
        Assert.Equal(fixture.GetProperty("tolerances").EnumerateObject().Count(), compared);
    }

    [Fact]
    public void An_image_that_patches_do_not_fill_is_refused_with_its_size()
    {
        using DinoV2VisionTransformer model = new(new DinoV2Config { ImageSize = 28, PatchSize = 14, EmbedDim = 8, Depth = 1, NumHeads = 2 });
        using Tensor pixels = zeros(1, 3, 28, 30);
        ArgumentException e = Assert.Throws<ArgumentException>(() => model.Encode(pixels));
        Assert.Contains("(1,3,28,30)", e.Message, StringComparison.Ordinal);
        Assert.Contains("14", e.Message, StringComparison.Ordinal);
    }

    internal static DinoV2VisionTransformer Load(string json)
    {
        JsonElement c = Fixtures.Json(json).GetProperty("config");
        int dim = c.GetProperty("embed_dim").GetInt32();
        DinoV2VisionTransformer model = new(new DinoV2Config
        {
            ImageSize = c.GetProperty("img_size").GetInt32(),
            PatchSize = c.GetProperty("patch_size").GetInt32(),
            EmbedDim = dim,
            Depth = c.GetProperty("depth").GetInt32(),
            NumHeads = c.GetProperty("num_heads").GetInt32(),
            IntermediateSize = (int)(dim * c.GetProperty("mlp_ratio").GetDouble()),
            LayerScale = c.GetProperty("init_values").ValueKind == JsonValueKind.Null ? null : c.GetProperty("init_values").GetDouble(),
            RegisterTokens = c.GetProperty("num_register_tokens").GetInt32(),
            InterpolateAntialias = c.GetProperty("interpolate_antialias").GetBoolean(),
            InterpolateOffset = c.GetProperty("interpolate_offset").GetDouble(),
            NormEps = c.GetProperty("norm_eps").GetDouble(),
        });
        Assert.Equal("mlp", c.GetProperty("ffn_layer").GetString());
        using SafetensorsFile file = SafetensorsFile.Open(Fixtures.Path(FixtureCases.Sibling(json, ".weights.safetensors")));
        StateDictLoader.Load(model, file);
        model.eval();
        return model;
    }

    private static Tensor Run(DinoV2VisionTransformer model, string output, Tensor pixels)
    {
        switch (output)
        {
            case "pos_embed_used":
                return model.PositionEmbedding(pixels.shape[2], pixels.shape[3]);
            case "x_norm_clstoken":
                return model.call(pixels);
            case "x_norm_patchtokens":
                return model.Encode(pixels).Patches.flatten(1, 2);
            case "intermediate_reshaped":
                return model.Encode(pixels).Patches.permute(0, 3, 1, 2);
            case "x_norm_regtokens":
                return model.Tokens(pixels, normalize: true).narrow(1, 1, model.Config.RegisterTokens);
            case "x_prenorm":
                return model.Tokens(pixels, normalize: false);
            default:
                throw new NotSupportedException($"The fixture's output '{output}' is unknown.");
        }
    }
}
