using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.Personalization;
using ProceduralCharacters;

namespace Ablation;

/// <summary>Finished curves in a folder, so that a run that was stopped goes on where it stood: a whole one takes hours on a slow machine.</summary>
/// <param name="folder">Is made where it is missing; null: nothing is kept.</param>
/// <param name="settings">With the programs' own versions they are part of each file's name: curves of other settings or other code are not taken.</param>
internal sealed class KeptCurves(string? folder, Settings settings)
{
    private readonly string _what = string.Join(' ', settings.Pairs, settings.HeldOutSubjects, settings.Steps, settings.BatchSize,
        settings.LearningRate.ToString("R"), settings.DiffusionDpoBeta.ToString("R"),
        Version<PersonalizedModel>(), Version<Character>(), Version<KeptCurves>());

    /// <summary>The curve that an earlier run finished; null where none did.</summary>
    /// <exception cref="JsonException">The file is damaged.</exception>
    public Curve? Read(Comparison comparison, int seed, Method method)
    {
        string? path = PathOf(comparison, seed, method);
        if (!File.Exists(path))
            return null;
        Kept kept = JsonSerializer.Deserialize<Kept>(File.ReadAllBytes(path))!;
        return new Curve(kept.Outcomes, [.. kept.Images.Select(i => new ImageBuffer(i.Width, i.Height, i.Channels, i.Pixels))], kept.ImplicitAccuracy);
    }

    public void Write(Comparison comparison, int seed, Method method, Curve curve)
    {
        if (PathOf(comparison, seed, method) is not string path)
            return;
        Directory.CreateDirectory(folder!);
        Kept kept = new([.. curve.Outcomes], [.. curve.Images.Select(i => new KeptImage(i.Width, i.Height, i.Channels, i.Pixels))], curve.ImplicitAccuracy);
        AtomicFile.Write(path, stream => JsonSerializer.Serialize(stream, kept));
    }

    private static string Version<T>() => typeof(T).Module.ModuleVersionId.ToString("N");

    private string? PathOf(Comparison comparison, int seed, Method method)
    {
        string key = string.Join('\n', comparison.Name, seed, method.Name, _what);
        return folder is null ? null : Path.Combine(
            folder, $"{comparison.Name}-{seed}-{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(key)))[..16]}.json");
    }

    private sealed record Kept(Outcome[] Outcomes, KeptImage[] Images, double? ImplicitAccuracy);

    private sealed record KeptImage(int Width, int Height, int Channels, byte[] Pixels);
}
