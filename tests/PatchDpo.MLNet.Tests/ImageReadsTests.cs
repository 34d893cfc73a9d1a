using Microsoft.ML;
using PatchDpo.MLNet.Tests.Support;
using PatchDpo.Tests;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.Personalization;

namespace PatchDpo.MLNet.Tests;

/// <summary>How often a pipeline reads the files that its rows name.</summary>
public sealed class ImageReadsTests : IClassFixture<TinyModels>, IDisposable
{
    private readonly MLContext _ml = new(1);
    private readonly TinyModels _models;
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("patchdpo-reads-");
    private readonly CountingView _source;

    public ImageReadsTests(TinyModels models)
    {
        _models = models;
        // Four references, each with two generations.
        for (int i = 0; i < 12; i++)
            ImageFile.SavePng(Path.Combine(_folder.FullName, $"{i}.png"), Picture(i));
        _source = new CountingView(_ml.Data.LoadFromEnumerable(Enumerable.Range(0, 8).Select(i => new PathRow
        {
            Prompt = $"a cube {i}", ReferencePath = $"{i / 2}.png", GeneratedPath = $"{4 + i}.png",
        }).ToArray()));
    }

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void Scoring_and_training_decode_each_file_once()
    {
        using ImageFileLoadingTransformer references = _ml.PatchDpo.LoadImages("Reference", _folder.FullName, "ReferencePath").Fit(_source);
        IDataView withReferences = references.Transform(_source);
        using ImageFileLoadingTransformer generated = _ml.PatchDpo.LoadImages("Generated", _folder.FullName, "GeneratedPath").Fit(withReferences);
        IDataView loaded = generated.Transform(withReferences);
        using PatchQualityScoringTransformer scoring = _ml.PatchDpo.ScorePatchQuality("Generated", "Reference", ImageEncoder.FromFolder(_models.Dino))
            .Fit(loaded);
        IDataView scored = scoring.Transform(loaded);
        using PersonalizedModel model = _ml.PatchDpo.LoadPersonalizedModel(_models.Generator);
        int before = _source.Cursors;
        using PersonalizedImageTransformer tuned = _ml.PatchDpo.Trainers.PatchDpo(model, maxSteps: 1).Fit(scored);
        Assert.Equal(4, ((ImageFileLoadingMapping)references.Mapping).Decoded);
        Assert.Equal(8, ((ImageFileLoadingMapping)generated.Mapping).Decoded);
        // One cursor serves, one runs ahead of it for the batches.
        Assert.Equal(2, _source.Cursors - before);
    }

    [Fact]
    public void Loading_opens_one_cursor()
    {
        using ImageFileLoadingTransformer loading = _ml.PatchDpo.LoadImages("Reference", _folder.FullName, "ReferencePath").Fit(_source);
        Assert.Equal(8, RowReader.Read(loading.Transform(_source), "Prompt", "Reference").Count);
        Assert.Equal(1, _source.Cursors);
    }

    [Fact]
    public void A_file_that_changes_is_read_again()
    {
        using ImageFileLoadingTransformer loading = _ml.PatchDpo.LoadImages("Reference", _folder.FullName, "ReferencePath").Fit(_source);
        List<object[]> before = RowReader.Read(loading.Transform(_source), "Reference");
        ImageFile.SavePng(Path.Combine(_folder.FullName, "0.png"), Picture(99));
        List<object[]> after = RowReader.Read(loading.Transform(_source), "Reference");
        Assert.NotEqual(before[0], after[0]);
        Assert.Equal(before[2], after[2]);
        Assert.Equal(5, ((ImageFileLoadingMapping)loading.Mapping).Decoded);
    }

    private static ImageBuffer Picture(int seed)
    {
        byte[] pixels = new byte[32 * 32 * 3];
        new Random(seed).NextBytes(pixels);
        return new ImageBuffer(32, 32, 3, pixels);
    }

    private sealed class PathRow
    {
        public string Prompt { get; set; } = "";

        public string ReferencePath { get; set; } = "";

        public string GeneratedPath { get; set; } = "";
    }
}
