using System.Text.Json;
using PatchDpo.Torch.Diffusion.UNet;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.Weights.Safetensors;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Diffusion.UNet;

/// <summary>A UNet of the fixtures, and what its tests share.</summary>
internal static class UNetFixture
{
    /// <summary>The UNet that a fixture's JSON and weights describe, in evaluation mode.</summary>
    public static UNet2DConditionModel Load(string jsonPath)
    {
        JsonElement fixture = Fixtures.Json(jsonPath);
        JsonElement config = fixture.TryGetProperty("full_config", out JsonElement full) ? full : fixture.GetProperty("config");
        var unet = new UNet2DConditionModel(UNetConfig.FromJson(ModelConfig.Parse(config.GetRawText(), jsonPath)));
        using var weights = SafetensorsFile.Open(Path.ChangeExtension(jsonPath, ".weights.safetensors"));
        StateDictLoader.Load(unet, weights);
        unet.eval();
        return unet;
    }

    /// <summary>The submodule of that state-dict name.</summary>
    public static nn.Module Module(nn.Module root, string name) => root.named_modules().Single(m => m.name == name).module;

    /// <summary>Records what a module gives, under its name, at each call.</summary>
    public static void Record(nn.Module root, string name, Dictionary<string, Tensor> outputs)
    {
        Tensor Keep(Tensor output)
        {
            outputs[name] = output.clone().DetachFromDisposeScope();
            return output;
        }
        switch (Module(root, name))
        {
            case nn.Module<Tensor, Tensor> module: module.register_forward_hook((_, _, output) => Keep(output)); break;
            case nn.Module<Tensor, Tensor, Tensor> module: module.register_forward_hook((_, _, _, output) => Keep(output)); break;
            case nn.Module<Tensor, UNetPass, Tensor> module: module.register_forward_hook((_, _, _, output) => Keep(output)); break;
            case var other: throw new InvalidOperationException($"{name} is a {other.GetType().Name}.");
        }
    }

    /// <summary>Compares by the fixture's own list of tolerances.</summary>
    public static void AssertClose(JsonElement fixture, Dictionary<string, Tensor> io, string name, Tensor actual, string file) =>
        Fixtures.AssertClose(actual, io["out." + name], fixture.GetProperty("tolerances").GetProperty(name).GetProperty("tol_abs").GetDouble(),
            $"{file}: {name}");

    /// <summary>The names of the tensors that a fixture has tolerances for.</summary>
    public static List<string> Expected(JsonElement fixture) => [.. fixture.GetProperty("tolerances").EnumerateObject().Select(p => p.Name)];
}
