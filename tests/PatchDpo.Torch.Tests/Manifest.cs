using System.IO.Compression;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests;

/// <summary>The published models' state-dict keys and shapes.</summary>
internal static class Manifest
{
    /// <summary>Keys and shapes of <c>12_manifests/name.tsv.gz</c>, or of another folder's; empty for a scalar.</summary>
    public static Dictionary<string, long[]> Read(string name, string folder = "12_manifests")
    {
        using FileStream file = File.OpenRead(Fixtures.Path(folder, name + ".tsv.gz"));
        using StreamReader reader = new(new GZipStream(file, CompressionMode.Decompress));
        Dictionary<string, long[]> shapes = new(StringComparer.Ordinal);
        while (reader.ReadLine() is string line)
        {
            string[] fields = line.Split('\t');
            shapes.Add(fields[0], fields[1] == "scalar" ? [] : [.. fields[1].Split('x').Select(long.Parse)]);
        }
        return shapes;
    }

    /// <summary>The manifest as tensors on the meta device, which have no storage.</summary>
    public static Dictionary<string, Tensor> MetaTensors(string name)
        => Read(name).ToDictionary(m => m.Key, m => empty(m.Value, device: META), StringComparer.Ordinal);

    /// <summary>Asserts that a module has exactly these keys and shapes.</summary>
    public static void AssertSame(IReadOnlyDictionary<string, long[]> expected, nn.Module module) => AssertSame(expected, ("", module));

    /// <summary>Asserts that modules have exactly these keys, each behind its prefix, and shapes.</summary>
    public static void AssertSame(IReadOnlyDictionary<string, long[]> expected, params (string Prefix, nn.Module Module)[] parts)
    {
        string[] actual = [.. parts.SelectMany(p => p.Module.state_dict().Select(t => $"{p.Prefix}{t.Key} {string.Join('x', t.Value.shape)}"))
            .Order(StringComparer.Ordinal)];
        Assert.Equal(expected.Select(m => $"{m.Key} {string.Join('x', m.Value)}").Order(StringComparer.Ordinal), actual);
    }
}
