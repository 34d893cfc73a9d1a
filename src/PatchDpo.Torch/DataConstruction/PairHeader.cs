using PatchDpo.Torch.Models;

namespace PatchDpo.Torch.DataConstruction;

/// <summary>What a data set is built with: two builds with equal headers give the same files.</summary>
/// <param name="Format">The version of this layout.</param>
/// <param name="Settings">Every option that decides the content, by name.</param>
/// <param name="Models">All models.</param>
internal sealed record PairHeader(int Format, IReadOnlyDictionary<string, string> Settings, IReadOnlyList<ModelIdentity> Models)
{
    /// <summary>The version that is written.</summary>
    public const int CurrentFormat = 1;

    /// <summary>What differs between this header, which a folder has, and another, which it is to be built with; empty: nothing.</summary>
    public IReadOnlyList<string> ChangesTo(PairHeader other)
    {
        Dictionary<string, string> before = All(), now = other.All();
        return
        [
            .. before.Keys.Union(now.Keys)
                .Select(name => (Name: name, Was: before.GetValueOrDefault(name, "absent"), Is: now.GetValueOrDefault(name, "absent")))
                .Where(c => c.Was != c.Is)
                .Select(c => $"{c.Name}: {c.Was}, now {c.Is}"),
        ];
    }

    private Dictionary<string, string> All()
    {
        var all = new Dictionary<string, string>(Settings) { ["format"] = $"{Format}" };
        foreach (ModelIdentity model in Models)
        {
            foreach ((string name, string value) in model.Settings)
                all[$"{model.Model} {name}"] = value;
            foreach (ModelFile file in model.Files)
                all[$"SHA-256 of {model.Model} {file.File}"] = file.Sha256;
        }
        return all;
    }
}
