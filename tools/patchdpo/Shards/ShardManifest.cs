using System.Text.Json;
using PatchDpo.Tool.Shared;
using PatchDpo.Torch.Foundation;

namespace PatchDpo.Tool.Shards;

/// <summary>What sharded work is of: all shards must have the same.</summary>
/// <param name="Command">The command line, without the shard.</param>
/// <param name="Folder">Where relative paths in it begin.</param>
/// <param name="Parts">How many parts the work has, which do not depend on the number of shards.</param>
/// <param name="Settings">Programs, options, models and data, by name.</param>
internal sealed record ShardManifest(IReadOnlyList<string> Command, string Folder, int Parts, SortedDictionary<string, string> Settings)
{
    private const string FileName = "manifest.json";

    private static readonly JsonSerializerOptions Json = new() { WriteIndented = true, PropertyNamingPolicy = JsonNamingPolicy.CamelCase };

    /// <summary>Reads a folder's.</summary>
    /// <exception cref="InputException">It has none.</exception>
    public static ShardManifest Read(string folder)
    {
        string path = Path.Combine(folder, FileName);
        if (!File.Exists(path))
            throw new InputException($"There is no file '{path}': no shard has worked here.");
        try
        {
            return JsonSerializer.Deserialize<ShardManifest>(File.ReadAllBytes(path), Json) ?? throw new JsonException("null");
        }
        catch (JsonException e)
        {
            throw new InputException($"'{path}' is no manifest of shards: {e.Message}");
        }
    }

    /// <summary>Writes it where there is none, and compares it where there is.</summary>
    /// <exception cref="InputException">The folder's is another; the message names what differs.</exception>
    public void Agree(string folder)
    {
        string path = Path.Combine(folder, FileName);
        if (!File.Exists(path) && TryWrite(path))
            return;
        ShardManifest first = Read(folder);
        string[] changes =
        [
            .. first.All().Keys.Union(All().Keys).Order(StringComparer.Ordinal)
                .Select(n => (Name: n, Was: first.All().GetValueOrDefault(n, "absent"), Is: All().GetValueOrDefault(n, "absent")))
                .Where(c => c.Was != c.Is).Select(c => $"{c.Name}: {c.Was}, here {c.Is}"),
        ];
        if (changes.Length > 0)
        {
            throw new InputException($"The shards in '{folder}' are of other work ({string.Join("; ", changes)}). Give all shards the same program, options, "
                + "models and data, or take another output folder.");
        }
    }

    // Of several that begin at the same time one is the first.
    private bool TryWrite(string path)
    {
        string temporary = $"{path}.{Path.GetRandomFileName()}.tmp";
        AtomicFile.Write(temporary, stream => JsonSerializer.Serialize(stream, this, Json));
        try
        {
            File.Move(temporary, path, overwrite: false);
            return true;
        }
        catch (IOException) when (File.Exists(path))
        {
            File.Delete(temporary);
            return false;
        }
    }

    private Dictionary<string, string> All() => new(Settings) { ["Parts"] = $"{Parts}" };
}
