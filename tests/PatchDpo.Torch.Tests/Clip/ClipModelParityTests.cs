using System.Text.Json;
using PatchDpo.Torch.Clip;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.Weights.Safetensors;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Clip;

/// <summary>OpenAI's CLIP with the same weights under both namings.</summary>
public class ClipModelParityTests
{
    public static TheoryData<string, string> Fixture()
    {
        TheoryData<string, string> data = [];
        foreach (string json in Fixtures.Find("03_clip", "clip_*.json"))
            foreach (string naming in new[] { "hf", "openai" })
                data.Add($"03_clip/{Path.GetFileName(json)}", naming);
        return data;
    }

    [Theory]
    [MemberData(nameof(Fixture))]
    public void Every_output_matches_the_reference_under_both_namings(string json, string naming)
    {
        using DisposeScope scope = NewDisposeScope();
        JsonElement fixture = Fixtures.Json(json);
        Dictionary<string, Tensor> io = Fixtures.Tensors(FixtureCases.Sibling(json, ".io.safetensors"));
        using ClipModel model = Load(json, naming);
        int compared = 0;
        foreach ((string key, Tensor expected) in io.Where(t => t.Key.StartsWith("out.", StringComparison.Ordinal)))
        {
            string output = key["out.".Length..];
            Tensor actual = Run(model, output, io["in.image"], io["in.text"]);
            Fixtures.AssertClose(actual, expected, FixtureCases.Tolerance(fixture, output), $"{naming} {output}");
            compared++;
        }
        Assert.Equal(fixture.GetProperty("tolerances").EnumerateObject().Count(), compared);
    }

    internal static ClipModel Load(string json, string naming)
    {
        JsonElement fixture = Fixtures.Json(json);
        using DisposeScope scope = NewDisposeScope();
        ClipTextConfig text = ClipFixture.Text(fixture.GetProperty("hf_text_config"));
        // Parity is of ids to embeddings; the real tokenizer has more ids than the tiny model.
        ClipModel model = new(text, ClipFixture.Vision(fixture.GetProperty("hf_vision_config")), ClipFixture.TinyTokenizer(text.MaxPositions));
        using SafetensorsFile file = SafetensorsFile.Open(Fixtures.Path(FixtureCases.Sibling(json, $".{naming}.weights.safetensors")));
        StateDictLoader.Load(model, ClipKeyMap.Wrap(file));
        model.eval();
        return model;
    }

    private static Tensor Run(ClipModel model, string output, Tensor image, Tensor text) => output switch
    {
        "encode_image" => model.EncodeImages(image),
        "encode_text" => model.EncodeTexts(text),
        "logits_per_image" => model.call(image, text),
        "logits_per_text" => model.call(image, text).t(),
        "cosine" => model.call(image, text) / model.LogitScale.exp(),
        "visual.conv1" => Child(model, "vision_model.embeddings.patch_embedding").call(image),
        "visual.ln_pre" => model.VisionEncoder.HiddenStates(image)[0],
        "visual.ln_post" => model.VisionEncoder.call(image).Pooled,
        "text.ln_final" => model.TextEncoder.call(text).LastHiddenState,
        "hf.text_hidden_states[-2]" => model.TextEncoder.call(text).PenultimateHiddenState,
        "hf.vision_hidden_states[-2]" => model.VisionEncoder.PenultimateHiddenStates(image),
        _ when output.StartsWith("visual.transformer.resblocks.", StringComparison.Ordinal) => model.VisionEncoder.HiddenStates(image)[Last(output) + 1],
        _ when output.StartsWith("text.transformer.resblocks.", StringComparison.Ordinal) => model.TextEncoder.HiddenStates(text)[Last(output) + 1],
        _ => throw new NotSupportedException($"The fixture's output '{output}' is unknown."),
    };

    private static int Last(string output) => int.Parse(output[(output.LastIndexOf('.') + 1)..]);

    private static nn.Module<Tensor, Tensor> Child(nn.Module model, string name)
        => (nn.Module<Tensor, Tensor>)model.named_modules().First(m => m.name == name).module;
}
