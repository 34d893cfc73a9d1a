using System.Text.Json;
using PatchDpo.Torch.Vision;
using PatchDpo.Torch.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Vision;

/// <summary>Single blocks on inputs of tiny variance, which tell the norms' epsilons apart.</summary>
public class VisionEpsProbeTests
{
    private const string Dino = "01_dino", Clip = "03_clip_openai";

    public static TheoryData<string, string> Probe()
    {
        TheoryData<string, string> data = [];
        foreach (string file in Fixtures.Find("13_eps_probe", "*.json"))
        {
            string json = $"13_eps_probe/{Path.GetFileName(file)}";
            foreach (JsonProperty tolerance in Fixtures.Json(json).GetProperty("tolerances").EnumerateObject())
                if (tolerance.Name.StartsWith(Dino + ".", StringComparison.Ordinal) || tolerance.Name.StartsWith(Clip + ".", StringComparison.Ordinal))
                    data.Add(json, tolerance.Name);
        }
        return data;
    }

    [Theory]
    [MemberData(nameof(Probe))]
    public void A_block_on_inputs_of_tiny_variance_matches_the_reference(string json, string probe)
    {
        using DisposeScope scope = NewDisposeScope();
        Dictionary<string, Tensor> io = Fixtures.Tensors(FixtureCases.Sibling(json, ".safetensors"));
        bool isDino = probe.StartsWith(Dino, StringComparison.Ordinal);
        using nn.Module model = isDino
            ? DinoParityTests.Load($"01_dino/{Path.GetFileName(Fixtures.Find("01_dino", "*.json")[0])}")
            : ClipModelParityTests.Load($"03_clip/{Path.GetFileName(Fixtures.Find("03_clip", "clip_*.json")[0])}", "openai");
        Tensor input = io["in." + probe];
        Tensor actual = isDino
            ? Child(model, probe[(Dino.Length + 1)..]).call(input)
            // The reference's blocks take the length first.
            : Child(model, HuggingFaceName(probe[(Clip.Length + 1)..])).call(input.transpose(0, 1)).transpose(0, 1);
        Fixtures.AssertClose(actual, io["out." + probe], FixtureCases.Tolerance(Fixtures.Json(json), probe), probe);
    }

    private static string HuggingFaceName(string name) => name
        .Replace("visual.transformer.resblocks.", "vision_model.encoder.layers.", StringComparison.Ordinal)
        .Replace("transformer.resblocks.", "text_model.encoder.layers.", StringComparison.Ordinal);

    private static nn.Module<Tensor, Tensor> Child(nn.Module model, string name)
        => (nn.Module<Tensor, Tensor>)model.named_modules().First(m => m.name == name).module;
}
