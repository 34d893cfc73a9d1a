using System.Text.Json;
using PatchDpo.Torch.Clip;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.Weights.Safetensors;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Clip;

/// <summary>Hugging Face's single towers: vision with both activations, and SDXL's two text encoders.</summary>
public class ClipTowersParityTests
{
    public static TheoryData<string> Fixture() => FixtureCases.Json("03_clip", "hf_towers*.json");

    [Theory]
    [MemberData(nameof(Fixture))]
    public void Every_output_matches_the_reference(string json)
    {
        using DisposeScope scope = NewDisposeScope();
        JsonElement fixture = Fixtures.Json(json);
        Dictionary<string, Tensor> io = Fixtures.Tensors(FixtureCases.Sibling(json, ".io.safetensors"));
        int compared = 0;
        foreach ((string key, Tensor expected) in io.Where(t => t.Key.StartsWith("out.", StringComparison.Ordinal)))
        {
            string output = key["out.".Length..];
            string[] parts = output.Split('.', 3);
            Tensor actual = parts[0] == "vision"
                ? RunVision(fixture, parts[1], parts[2], io["in.pixel_values"])
                : RunText(fixture, parts[1], parts[2], io[$"in.text.{parts[1]}_ids"]);
            Fixtures.AssertClose(actual, expected, FixtureCases.Tolerance(fixture, output), output);
            compared++;
        }
        Assert.Equal(fixture.GetProperty("tolerances").EnumerateObject().Count(), compared);
    }

    private static Tensor RunVision(JsonElement fixture, string activation, string output, Tensor pixels)
    {
        using ClipVisionEncoder model = new(ClipFixture.Vision(fixture.GetProperty("vision_config")) with { Activation = ClipFixture.Activation(activation) });
        using SafetensorsFile file = SafetensorsFile.Open(Fixtures.Path("03_clip", "hf_vision_tiny.weights.safetensors"));
        StateDictLoader.Load(model, file);
        ClipVisionOutput all = model.call(pixels);
        return output switch
        {
            "image_embeds" => all.ImageEmbeds!,
            "last_hidden_state" => all.LastHiddenState,
            "hidden_states[-2]" => model.PenultimateHiddenStates(pixels),
            "hidden_states[0]" => model.HiddenStates(pixels)[0],
            "zeros_input.hidden_states[-2]" => model.PenultimateHiddenStates(zeros_like(pixels[..1])),
            _ => throw new NotSupportedException($"The fixture's output '{output}' is unknown."),
        };
    }

    private static Tensor RunText(JsonElement fixture, string tower, string output, Tensor ids)
    {
        // te1 is CLIPTextModel (quick_gelu), te2 CLIPTextModelWithProjection (gelu): the fixture's notes.
        ClipTextConfig config = ClipFixture.Text(fixture.GetProperty("text_config"));
        config = tower == "te1"
            ? config with { Activation = ClipActivation.QuickGelu, ProjectionDim = null }
            : config with { Activation = ClipActivation.Gelu };
        using ClipTextEncoder model = new(config);
        using SafetensorsFile file = SafetensorsFile.Open(Fixtures.Path("03_clip", "hf_text_tiny.weights.safetensors"));
        StateDictLoader.Load(model, file, tower + ".");
        ClipTextOutput all = model.Encode(ids);
        return output switch
        {
            "hidden_states[-2]" => all.PenultimateHiddenState,
            "last_hidden_state" => all.LastHiddenState,
            "pooler_output" => all.Pooled,
            "text_embeds" => all.TextEmbeds!,
            _ => throw new NotSupportedException($"The fixture's output '{output}' is unknown."),
        };
    }
}
