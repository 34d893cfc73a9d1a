using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms.Image;
using PatchDpo.MLNet.Interop;
using PatchDpo.MLNet.Tests.Support;
using PatchDpo.Tests;
using PatchDpo.Torch.Adapters.Elite;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.Personalization;

namespace PatchDpo.MLNet.Tests;

/// <summary>ELITE through ML.NET: masks are columns, and a saved model knows them.</summary>
public sealed class EliteTests : IDisposable
{
    private static readonly GenerationOptions Fast = new() { Steps = 2, GuidanceScale = 2, BatchSize = 2, NegativePrompt = "" };

    private readonly MLContext _ml = new(1);
    private readonly string _folder = Directory.CreateTempSubdirectory("patchdpo-elite-ml-").FullName;
    private readonly PersonalizedModel _model;

    public EliteTests() => _model = _ml.PatchDpo.LoadPersonalizedModel(TinyElite.Write(_folder));

    public void Dispose()
    {
        _model.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public void A_column_of_masks_decides_where_the_object_is_also_after_saving()
    {
        IDataView rows = Rows();
        PersonalizedImageTransformer masked = Estimator(masks: true).Fit(rows);
        List<byte[]> pictures = Pixels(masked.Transform(rows)), plain = Pixels(Estimator(masks: false).Fit(rows).Transform(rows));
        Assert.NotEqual(plain[0], pictures[0]);
        // The second row has no mask.
        Assert.Equal(plain[1], pictures[1]);
        var request = new GenerationRequest("a S", [new ReferenceImage(TinyElite.Object(0).Picture) { Mask = HalfMask() }]) { NoiseIndex = 0 };
        Assert.All(pictures[0].Zip(MLImages.ToMLImage(_model.Generate([request], Fast)[0]).Pixels.ToArray()), p => Assert.InRange(p.First - p.Second, -1, 1));
        using var loaded = (PersonalizedImageTransformer)EstimatorCheck.Reload(_ml, masked, rows.Schema, out _);
        Assert.Equal(pictures, Pixels(loaded.Transform(rows)));
    }

    [Fact]
    public void The_trainer_reads_masks_and_hands_them_on()
    {
        IDataView rows = Rows();
        byte[] masked = Trained(["Mask"]), plain = Trained(null);
        Assert.NotEqual(plain, masked);

        byte[] Trained(string[]? masks)
        {
            using PersonalizedImageTransformer tuned = _ml.PatchDpo.Trainers.PatchDpo(_model, new PatchDpoTrainer.Options
            {
                MaskColumnNames = masks, Training = new() { MaxSteps = 2, LearningRate = 1e-2 }, Seed = 3, Generation = Fast, GeneratedColumnName = "Other",
            }).Fit(rows);
            List<byte[]> pictures = Pixels(tuned.Transform(rows), "Other");
            using PersonalizedImageTransformer again = _ml.PatchDpo.GeneratePersonalizedImages(tuned.Model, new PersonalizedImageEstimator.Options
            {
                MaskColumnNames = masks, Generation = Fast,
            }).Fit(rows);
            Assert.Equal(Pixels(again.Transform(rows)), pictures);
            return [.. ((EliteLayers)tuned.Model.AdapterLayers).state_dict().Where(t => t.Key.StartsWith("local.", StringComparison.Ordinal))
                .OrderBy(t => t.Key, StringComparer.Ordinal).SelectMany(t => t.Value.bytes.ToArray())];
        }
    }

    [Fact]
    public void There_are_as_many_columns_of_masks_as_of_references()
    {
        var options = new PersonalizedImageEstimator.Options { MaskColumnNames = ["Mask", "Mask"] };
        Assert.Contains("2 columns of masks are named for 1", Assert.Throws<InvalidOperationException>(
            () => _ml.PatchDpo.GeneratePersonalizedImages(_model, options).Fit(Rows())).Message, StringComparison.Ordinal);
    }

    private PersonalizedImageEstimator Estimator(bool masks) => _ml.PatchDpo.GeneratePersonalizedImages(_model, new PersonalizedImageEstimator.Options
    {
        MaskColumnNames = masks ? ["Mask"] : null, Generation = Fast,
    });

    private IDataView Rows() => _ml.Data.LoadFromEnumerable(Enumerable.Range(0, 2).Select(i => new Row
    {
        Reference = MLImages.ToMLImage(TinyElite.Object(i).Picture),
        Mask = i == 0 ? MLImages.ToMLImage(HalfMask()) : null,
        Other = MLImages.ToMLImage(TinyPersonalizedModel.Image(10 + i)),
    }).ToArray());

    private static List<byte[]> Pixels(IDataView rows, string column = "Generated")
        => [.. RowReader.Read(rows, [column]).Select(r => (byte[])r[0])];

    private static ImageBuffer HalfMask()
    {
        ImageBuffer mask = TinyElite.Object(0).Mask;
        byte[] half = [.. mask.Pixels];
        Array.Clear(half, 0, half.Length / 2);
        return new ImageBuffer(mask.Width, mask.Height, 3, half);
    }

    private sealed class Row
    {
        public string Prompt { get; init; } = "a S";

        [ImageType(32, 32)]
        public MLImage? Reference { get; init; }

        [ImageType(32, 32)]
        public MLImage? Mask { get; init; }

        [ImageType(32, 32)]
        public MLImage? Other { get; init; }

        [VectorType(1, 1)]
        public float[] ReferenceQuality { get; init; } = [0.2f];

        [VectorType(1, 1)]
        public float[] GeneratedQuality { get; init; } = [0.9f];
    }
}
