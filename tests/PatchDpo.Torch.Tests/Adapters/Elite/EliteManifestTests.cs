using System.Text.Json;
using PatchDpo.Torch.Adapters.Elite;
using PatchDpo.Torch.Clip;
using PatchDpo.Torch.Diffusion.UNet;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Adapters.Elite;

/// <summary>ELITE's parts in full size, on the meta device, have the published files' keys and shapes.</summary>
public class EliteManifestTests
{
    private static readonly UNetConfig Sd15 = new() { CrossAttentionDims = [768, 768, 768, 768] };

    public static TheoryData<string> Models()
        => [.. Fixtures.Json($"{EliteFixture.Folder}/manifests.json").GetProperty("models").EnumerateArray().Select(m => m.GetProperty("name").GetString()!)];

    [Theory]
    [MemberData(nameof(Models))]
    public void Every_part_has_the_published_keys_and_shapes(string name)
    {
        using DisposeScope scope = NewDisposeScope();
        JsonElement model = Fixtures.Json($"{EliteFixture.Folder}/manifests.json").GetProperty("models").EnumerateArray()
            .Single(m => m.GetProperty("name").GetString() == name);
        Dictionary<string, long[]> expected = Manifest.Read(name, EliteFixture.Folder);
        Assert.Equal(model.GetProperty("entries").GetInt32(), expected.Count);
        EliteLayers layers = new(Sd15, META);
        nn.Module[] parts = name switch
        {
            "elite_global_mapper" => [new EliteMapper(1024, 1024, 768, META), layers.Global],
            "elite_local_mapper" => [new EliteMapper(1024, 1024, 768, META), layers.Local],
            "clip_vit_l14_vision_hf" => [new ClipVisionEncoder(
                new() { HiddenSize = 1024, IntermediateSize = 4096, NumLayers = 24, NumHeads = 16, ImageSize = 224, PatchSize = 14 }, META)],
            _ => throw new NotSupportedException($"The manifest '{name}' is unknown."),
        };
        string[] actual = [.. parts.SelectMany(p => p.state_dict()).Select(t => $"{t.Key} {string.Join('x', t.Value.shape)}").Order(StringComparer.Ordinal)];
        Assert.Equal(expected.Where(m => !ClipKeyMap.IsBuffer(m.Key)).Select(m => $"{m.Key} {string.Join('x', m.Value)}").Order(StringComparer.Ordinal),
            actual);
    }
}
