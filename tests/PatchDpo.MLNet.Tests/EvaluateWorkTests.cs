using Microsoft.ML;
using PatchDpo.Tests;
using PatchDpo.Torch.Evaluation;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.PatchQuality;
using PatchDpo.Torch.Vision.Dino;

namespace PatchDpo.MLNet.Tests;

/// <summary>What an evaluation of files reads, and where its errors come.</summary>
public sealed class EvaluateWorkTests : IClassFixture<TinyModels>, IDisposable
{
    private const int Rows = 20, Photos = 3, BatchSize = 4;

    private readonly MLContext _ml = new(1);
    private readonly TinyModels _models;
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("patchdpo-evaluate-");

    public EvaluateWorkTests(TinyModels models)
    {
        _models = models;
        for (int i = 0; i < Rows; i++)
            ImageFile.SavePng(Path.Combine(_folder.FullName, $"g{i}.png"), Picture(i));
        for (int i = 0; i < Photos; i++)
            ImageFile.SavePng(Path.Combine(_folder.FullName, $"p{i}.png"), Picture(100 + i));
    }

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void Files_are_loaded_once_each_and_give_the_figures_of_the_images()
    {
        IDataView view = Loaded(out ImageFileLoadingTransformer[] loading);
        PersonalizationMetrics ofFiles = _ml.PatchDpo.Evaluate(view, Options());
        Assert.Equal([Rows, Photos], loading.Select(l => ((ImageFileLoadingMapping)l.Mapping).Decoded));
        using DinoVisionTransformer encoder = DinoVisionTransformer.FromFolder(_models.Dino);
        PersonalizationMetrics ofImages = new PersonalizationEvaluator(
            encoder, null, new PatchQualityEstimator(encoder, BatchSize), options: new() { BatchSize = BatchSize }).Evaluate(
                Enumerable.Range(0, Rows).Select(i => new EvaluationRow($"s{i % Photos}", $"a cube {i}", Picture(i), [Picture(100 + (i % Photos))])));
        Assert.Equal(ofImages.ImageMetrics.Select(m => (m.Row, m.Subject, m.Prompt, m.Dino, m.PatchQuality)),
            ofFiles.ImageMetrics.Select(m => (m.Row, m.Subject, m.Prompt, m.Dino, m.PatchQuality)));
    }

    [Theory]
    [InlineData("g0.png", 0)]
    [InlineData("g9.png", 9)]
    [InlineData("p2.png", 2)]
    public void A_file_that_is_no_image_is_told_by_its_first_row(string file, int row)
    {
        File.WriteAllText(Path.Combine(_folder.FullName, file), "no image");
        Assert.Equal(row, Assert.Throws<InvalidRowException>(() => _ml.PatchDpo.Evaluate(Loaded(out _), Options())).Row);
    }

    private EvaluationOptions Options() => new()
    {
        ReferenceColumnNames = ["Photo"],
        Dino = ImageEncoder.FromFolder(_models.Dino),
        PatchQuality = ImageEncoder.FromFolder(_models.Dino),
        Evaluator = new() { BatchSize = BatchSize },
    };

    private static ImageBuffer Picture(int seed)
    {
        byte[] pixels = new byte[24 * 24 * 3];
        new Random(seed).NextBytes(pixels);
        return new ImageBuffer(24, 24, 3, pixels);
    }

    private IDataView Loaded(out ImageFileLoadingTransformer[] loading)
    {
        IDataView source = _ml.Data.LoadFromEnumerable(Enumerable.Range(0, Rows).Select(i => new FileRow
        {
            Subject = $"s{i % Photos}", Prompt = $"a cube {i}", GeneratedPath = $"g{i}.png", PhotoPath = $"p{i % Photos}.png",
        }).ToArray());
        ImageFileLoadingTransformer generated = _ml.PatchDpo.LoadImages("Generated", _folder.FullName, "GeneratedPath").Fit(source);
        IDataView withGenerated = generated.Transform(source);
        ImageFileLoadingTransformer photos = _ml.PatchDpo.LoadImages("Photo", _folder.FullName, "PhotoPath").Fit(withGenerated);
        loading = [generated, photos];
        return photos.Transform(withGenerated);
    }

    private sealed class FileRow
    {
        public string Subject { get; set; } = "";

        public string Prompt { get; set; } = "";

        public string GeneratedPath { get; set; } = "";

        public string PhotoPath { get; set; } = "";
    }
}
