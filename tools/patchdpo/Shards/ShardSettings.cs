using System.Globalization;
using System.Reflection;
using System.Security.Cryptography;
using System.Text;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Models;

namespace PatchDpo.Tool.Shards;

/// <summary>What a manifest of shards names: the program, the models and the data.</summary>
internal static class ShardSettings
{
    /// <summary>The program's version, and what else is given.</summary>
    public static SortedDictionary<string, string> Of(params (string Name, object? Value)[] options)
    {
        SortedDictionary<string, string> settings = new(StringComparer.Ordinal)
        {
            ["PatchDpo.Torch"] = typeof(TorchRuntime).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion,
        };
        foreach ((string name, object? value) in options)
            settings[name] = Convert.ToString(value, CultureInfo.InvariantCulture) ?? "none";
        return settings;
    }

    /// <summary>Adds a model's files.</summary>
    public static SortedDictionary<string, string> With(this SortedDictionary<string, string> settings, ModelIdentity model)
    {
        foreach (ModelFile file in model.Files)
            settings[$"SHA-256 of {model.Model} {file.File}"] = file.Sha256;
        return settings;
    }

    /// <summary>SHA-256 of texts and of files' names and sizes; files' contents are read where they are worked on.</summary>
    public static string HashOf(IEnumerable<(string Text, string File)> rows)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach ((string text, string file) in rows)
            hash.AppendData(Encoding.UTF8.GetBytes(string.Create(
                CultureInfo.InvariantCulture, $"{text}\0{Path.GetFileName(file)}\0{new FileInfo(file).Length}\n")));
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
