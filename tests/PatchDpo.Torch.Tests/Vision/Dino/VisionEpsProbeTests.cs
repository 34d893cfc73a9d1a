using System.Text.Json;
using PatchDpo.Torch.Tests.Clip;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Vision.Dino;

/// <summary>Single blocks on inputs of tiny variance, which tell the norms' epsilons apart.</summary>
public class VisionEpsProbeTests
{
    private const string Dino = "01_dino", DinoV2 = "02_dinov2_noreg", Clip = "03_clip_openai";

    public static TheoryData<string, string> Probe()
    {
        TheoryData<string, string> data = [];
        foreach (string file in Fixtures.Find("13_eps_probe", "*.json"))
        {
            string json = $"13_eps_probe/{Path.GetFileName(file)}";
            foreach (JsonProperty tolerance in Fixtures.Json(json).GetProperty("tolerances").EnumerateObject())
                if (new[] { Dino, DinoV2, Clip }.Any(m => tolerance.Name.StartsWith(m + ".", StringComparison.Ordinal)))
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
        string name = probe[..probe.IndexOf('.', StringComparison.Ordinal)], block = probe[(name.Length + 1)..];
        using nn.Module model = name switch
        {
            Dino => DinoParityTests.Load(First("01_dino", "*.json")),
            DinoV2 => DinoV2ParityTests.Load(First("02_dinov2", "*noreg*.json")),
            _ => ClipModelParityTests.Load(First("03_clip", "clip_*.json"), "openai"),
        };
        Tensor input = io["in." + probe];
        // The reference's CLIP blocks take the length first.
        Tensor actual = name == Clip
            ? Child(model, HuggingFaceName(block)).call(input.transpose(0, 1)).transpose(0, 1)
            : Child(model, block).call(input);
        Fixtures.AssertClose(actual, io["out." + probe], FixtureCases.Tolerance(Fixtures.Json(json), probe), probe);
    }

    private static string First(string folder, string pattern) => $"{folder}/{Path.GetFileName(Fixtures.Find(folder, pattern)[0])}";

    private static string HuggingFaceName(string name) => name
        .Replace("visual.transformer.resblocks.", "vision_model.encoder.layers.", StringComparison.Ordinal)
        .Replace("transformer.resblocks.", "text_model.encoder.layers.", StringComparison.Ordinal);

    private static nn.Module<Tensor, Tensor> Child(nn.Module model, string name)
        => (nn.Module<Tensor, Tensor>)model.named_modules().First(m => m.name == name).module;
}
