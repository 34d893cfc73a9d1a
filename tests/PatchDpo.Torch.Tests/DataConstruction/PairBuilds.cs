using System.Text.Json;
using PatchDpo.Tests;
using PatchDpo.Torch.DataConstruction;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.Personalization;
using PatchDpo.Torch.Tests.PatchEncoders;

namespace PatchDpo.Torch.Tests.DataConstruction;

/// <summary>What the tests of building pairs share: a small build by a painter in place of a model.</summary>
public abstract class PairBuilds : IDisposable
{
    private protected const int References = 5, Generations = 2, Batch = 4, Steps = 2;

    private protected static string[] Prompts { get; } = ["a disc: red/green", "a ball", "a_coin"];

    private protected TemporaryFolder Folder { get; } = new();

    public void Dispose() => Folder.Dispose();

    private protected static PairBuildSummary Build(
        string folder, Painter painter, PairBuilderOptions? options = null, string[]? prompts = null, string sha256 = "00",
        IProgress<PairBuildProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        var identity = new ModelIdentity("generator", [new ModelFile("unet.safetensors", sha256)], new Dictionary<string, string>());
        return new PairBuilder(painter.Generate, () => [identity], latentGrid: 2, new PixelEncoder(32, 8), options ?? Options(), null)
            .Build(prompts ?? Prompts, folder, progress, cancellationToken);
    }

    private protected static PairBuilderOptions Options(int references = References, int steps = Steps, double? adapterScale = null,
        ReferenceFilterOptions? filter = null,
        ImageFormat format = ImageFormat.Png) => new()
    {
        ImageFormat = format,
        References = references,
        GenerationsPerReference = Generations,
        ReferenceGeneration = Fast(),
        Generation = new() { Steps = steps, BatchSize = Batch, Seed = 7, AdapterScale = adapterScale },
        Filter = filter ?? new(),
    };

    private protected static GenerationOptions Fast() => new() { Steps = Steps, BatchSize = Batch };

    private protected static JsonElement Json(string folder)
    {
        using JsonDocument document = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "manifest.json")));
        return document.RootElement.Clone();
    }
}
