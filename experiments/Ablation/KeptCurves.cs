using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.Personalization;
using ProceduralCharacters;

namespace Ablation;

/// <summary>
/// Finished curves, so that comparisons on the same data share them; and in a folder, so that a run that was stopped goes on where it stood.
/// </summary>
/// <param name="settings">
/// With the programs' own versions they are part of each file's name: curves of other settings or other code are not taken. Their folder is made where it
/// is missing; without one, curves are kept in memory alone.
/// </param>
internal sealed class KeptCurves(Settings settings)
{
    private readonly ConcurrentDictionary<string, Curve> _curves = new();

    private readonly string _what = string.Join(' ', settings.Pairs, settings.HeldOutSubjects, settings.Steps, settings.BatchSize,
        settings.LearningRate.ToString("R"), settings.DiffusionDpoBeta.ToString("R"),
        Version<PersonalizedModel>(), Version<Character>(), Version<KeptCurves>());

    /// <summary>The curve that an earlier run, or another comparison on the same data, finished; null where none did.</summary>
    /// <exception cref="JsonException">The file is damaged.</exception>
    public Curve? Read(Comparison comparison, int seed, Method method)
    {
        string key = KeyOf(comparison, seed, method);
        if (_curves.TryGetValue(key, out Curve? curve))
            return curve;
        if (settings.Keep is null || !File.Exists(PathOf(key)))
            return null;
        Kept kept = JsonSerializer.Deserialize<Kept>(File.ReadAllBytes(PathOf(key)))!;
        if (IsShown(seed) && kept.Images.Length == 0)
            return null;
        return _curves[key] = new Curve(
            kept.Outcomes, [.. kept.Images.Select(i => new ImageBuffer(i.Width, i.Height, i.Channels, i.Pixels))], kept.ImplicitAccuracy);
    }

    public void Write(Comparison comparison, int seed, Method method, Curve curve)
    {
        string key = KeyOf(comparison, seed, method);
        _curves[key] = curve;
        if (settings.Keep is null)
            return;
        Directory.CreateDirectory(settings.Keep);
        IEnumerable<ImageBuffer> images = IsShown(seed) ? curve.Images : [];
        Kept kept = new([.. curve.Outcomes], [.. images.Select(i => new KeptImage(i.Width, i.Height, i.Channels, i.Pixels))], curve.ImplicitAccuracy);
        AtomicFile.Write(PathOf(key), stream => JsonSerializer.Serialize(stream, kept));
    }

    // Its pictures are the report's.
    private bool IsShown(int seed) => seed == settings.Seeds[0];

    private static string Version<T>() => typeof(T).Module.ModuleVersionId.ToString("N");

    private string KeyOf(Comparison comparison, int seed, Method method) => string.Join('\n', comparison.Data, seed, method.Name, _what);

    private string PathOf(string key) => Path.Combine(settings.Keep!, $"{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(key)))[..32]}.json");

    private sealed record Kept(Outcome[] Outcomes, KeptImage[] Images, double? ImplicitAccuracy);

    private sealed record KeptImage(int Width, int Height, int Channels, byte[] Pixels);
}
