using Microsoft.ML;
using Microsoft.ML.Data;
using PatchDpo.MLNet.Interop;
using PatchDpo.MLNet.Tests.Support;
using PatchDpo.Tests;
using PatchDpo.Torch.Adapters;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.Personalization;
using PatchDpo.Torch.Weights;

namespace PatchDpo.MLNet.Tests;

public sealed class PersonalizedImageTests : IClassFixture<TinyModels>, IDisposable
{
    private readonly MLContext _ml = new(1);
    private readonly TinyModels _models;
    private readonly PersonalizedModel _model;

    public PersonalizedImageTests(TinyModels models)
    {
        _models = models;
        _model = _ml.PatchDpo.LoadPersonalizedModel(models.Generator);
    }

    public void Dispose() => _model.Dispose();

    [Fact]
    public void It_passes_what_MLNET_checks_of_its_own()
        => EstimatorCheck.Run(_ml, Estimator(), TestImages.Rows(_ml, 3), TestImages.WithoutImages(_ml), TestImages.WrongTypes(_ml));

    [Fact]
    public void It_gives_what_the_model_gives()
    {
        IDataView rows = TestImages.Rows(_ml, 2);
        byte[] ours = Pixels(Estimator().Fit(rows).Transform(rows))[1];
        using MLImage reference = TestImages.Draw(1);
        var request = new GenerationRequest("a blue cube number 1", [MLImages.ToImageBuffer(reference)]) { NoiseIndex = 0 };
        ImageBuffer direct = _model.Generate([request], Fast)[0];
        Assert.All(ours.Zip(MLImages.ToMLImage(direct).Pixels.ToArray()), p => Assert.InRange(p.First - p.Second, -1, 1));
    }

    [Fact]
    public void The_noise_column_tells_rows_apart_that_are_otherwise_the_same()
    {
        IDataView rows = _ml.Data.LoadFromEnumerable(Enumerable.Range(0, 3)
            .Select(i => new NoiseRow { Prompt = "a cube", Image = TestImages.Draw(1), Noise = i / 2 }).ToArray());
        List<byte[]> same = Pixels(Estimator().Fit(rows).Transform(rows));
        Assert.InRange(LargestDifference(same[0], same[2]), 0, 1);
        var options = new PersonalizedImageEstimator.Options { ReferenceColumnNames = ["Image"], NoiseIndexColumnName = "Noise", Generation = Fast };
        List<byte[]> different = Pixels(_ml.PatchDpo.GeneratePersonalizedImages(_model, options).Fit(rows).Transform(rows));
        Assert.InRange(LargestDifference(different[0], different[1]), 0, 1);
        Assert.InRange(LargestDifference(different[0], different[2]), 8, 255);
    }

    [Fact]
    public void Several_reference_columns_are_averaged()
    {
        IDataView rows = PairRow.Rows(_ml, 2);
        List<byte[]> Run(params string[] references)
            => Pixels(_ml.PatchDpo.GeneratePersonalizedImages(_model, new PersonalizedImageEstimator.Options { ReferenceColumnNames = references,
                OutputColumnName = "Out", Generation = Fast })
                .Fit(rows).Transform(rows), "Out");
        Assert.NotEqual(Run("Reference")[1], Run("Reference", "Generated")[1]);
        Assert.Throws<ArgumentException>(() => new PersonalizedImageEstimator.Options { ReferenceColumnNames = [] });
    }

    [Fact]
    public void Several_reference_columns_are_concatenated_on_request_also_after_saving()
    {
        IDataView rows = PairRow.Rows(_ml, 2);
        PersonalizedImageTransformer transformer = _ml.PatchDpo.GeneratePersonalizedImages(_model, ObjectOptions(ReferenceFusion.Concatenate)).Fit(rows);
        List<byte[]> concatenated = Pixels(transformer.Transform(rows), "Out");
        using (var loaded = (PersonalizedImageTransformer)EstimatorCheck.Reload(_ml, transformer, rows.Schema, out _))
            Assert.Equal(concatenated, Pixels(loaded.Transform(rows), "Out"));

        using MLImage first = TestImages.Draw(0), second = TestImages.Draw(1);
        var request = new GenerationRequest("a cube number 1", [MLImages.ToImageBuffer(first), MLImages.ToImageBuffer(second)]) { NoiseIndex = 0 };
        ImageBuffer direct = _model.Generate([request], ObjectOptions(ReferenceFusion.Concatenate).Generation)[0];
        Assert.InRange(LargestDifference(concatenated[1], MLImages.ToMLImage(direct).Pixels.ToArray()), 0, 1);
        Assert.InRange(LargestDifference(concatenated[1], Averaged(rows)[1]), 2, 255);
    }

    [Fact]
    public void A_model_of_the_first_version_of_the_format_averages()
    {
        IDataView rows = PairRow.Rows(_ml, 2);
        PersonalizedImageEstimator.Options options = ObjectOptions(ReferenceFusion.Concatenate);
        PersonalizedImageTransformer current = _ml.PatchDpo.GeneratePersonalizedImages(_model, options).Fit(rows);
        using var loaded = (PersonalizedImageTransformer)EstimatorCheck.Reload(
            _ml, OldVersionTransformer.Of(current, options, OldVersionTransformer.First), rows.Schema, out _);
        Assert.Equal(Averaged(rows), Pixels(loaded.Transform(rows), "Out"));
    }

    [Fact]
    public void A_model_of_the_second_version_of_the_format_has_all_parts_in_one_folder()
    {
        IDataView rows = PairRow.Rows(_ml, 2);
        PersonalizedImageEstimator.Options options = ObjectOptions(ReferenceFusion.Concatenate);
        PersonalizedImageTransformer current = _ml.PatchDpo.GeneratePersonalizedImages(_model, options).Fit(rows);
        using var loaded = (PersonalizedImageTransformer)EstimatorCheck.Reload(
            _ml, OldVersionTransformer.Of(current, options, OldVersionTransformer.Second), rows.Schema, out _);
        Assert.Equal(Pixels(current.Transform(rows), "Out"), Pixels(loaded.Transform(rows), "Out"));
        Assert.Equal((null, null, null), (loaded.Model.LoadOptions.ImageEncoderPath, loaded.Model.LoadOptions.TokenizerPath, loaded.Model.LoadOptions.Sampler));
    }

    [Fact]
    public void A_prompt_of_ten_thousand_characters_names_its_row()
    {
        IDataView rows = _ml.Data.LoadFromEnumerable(Enumerable.Range(0, 2)
            .Select(i => new TestImages.ImageRow { Prompt = new string('x', 1 + (9_999 * i)), Image = TestImages.Draw(i) }).ToArray());
        InvalidRowException e = Assert.Throws<InvalidRowException>(() => Pixels(Estimator().Fit(rows).Transform(rows)));
        Assert.Equal((1, "Prompt"), (e.Row, e.Column));
        Assert.Contains("10000 characters", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_prediction_engine_generates()
    {
        IDataView rows = TestImages.Rows(_ml, 1);
        PersonalizedImageTransformer transformer = Estimator().Fit(rows);
        using PredictionEngine<TestImages.ImageRow, GeneratedRow> engine = _ml.Model.CreatePredictionEngine<TestImages.ImageRow, GeneratedRow>(transformer);
        Assert.Equal(TinyPersonalizedModel.ImageSize, engine.Predict(new TestImages.ImageRow { Prompt = "a cube", Image = TestImages.Draw(1) })
            .Generated!.Width);
    }

    [Fact]
    public void All_options_and_the_adapter_are_saved()
    {
        using var other = PersonalizedModel.Load(_models.Generator, WriteOtherAdapter(), dtype: TorchSharp.torch.ScalarType.BFloat16);
        other.AdapterScale = 0.7;
        IDataView rows = PairRow.Rows(_ml, 2);
        var options = new PersonalizedImageEstimator.Options
        {
            ReferenceColumnNames = ["Reference", "Generated"],
            OutputColumnName = "Out",
            NoiseIndexColumnName = "Id",
            Generation = new GenerationOptions { Steps = 3, GuidanceScale = 2, NegativePrompt = "grey", Seed = 7, BatchSize = 1, Width = 40, Height = 24 },
        };
        PersonalizedImageTransformer transformer = _ml.PatchDpo.GeneratePersonalizedImages(other, options).Fit(rows);
        List<byte[]> expected = Pixels(transformer.Transform(rows), "Out");
        using var loaded = (PersonalizedImageTransformer)EstimatorCheck.Reload(_ml, transformer, rows.Schema, out _);
        Assert.Equal((0.7, other.DType), (loaded.Model.AdapterScale, loaded.Model.DType));
        Assert.Equal(expected, Pixels(loaded.Transform(rows), "Out"));
        Assert.NotEqual(expected, Pixels(_ml.PatchDpo.GeneratePersonalizedImages(_model, options).Fit(rows).Transform(rows), "Out"));
    }

    [Fact]
    public void A_folder_without_weights_is_named()
    {
        string folder = Path.Combine(_models.Root, "gutted");
        TinyModels.CopyFiles(_models.Generator, folder);
        File.Delete(Path.Combine(folder, "unet", "diffusion_pytorch_model.safetensors"));
        ModelFileNotFoundException e = Assert.Throws<ModelFileNotFoundException>(() => _ml.PatchDpo.LoadPersonalizedModel(folder));
        Assert.Equal(Path.Combine(folder, "unet"), e.Folder);
    }

    private static readonly GenerationOptions Fast = new() { Steps = 2, GuidanceScale = 1, BatchSize = 2 };

    // A random adapter says little; the scale lets the image prompt be seen in the pixels.
    private static PersonalizedImageEstimator.Options ObjectOptions(ReferenceFusion fusion) => new()
    {
        ReferenceColumnNames = ["Reference", "Generated"],
        OutputColumnName = "Out",
        Generation = Fast with { AdapterScale = 20, ReferenceFusion = fusion },
    };

    private List<byte[]> Averaged(IDataView rows)
        => Pixels(_ml.PatchDpo.GeneratePersonalizedImages(_model, ObjectOptions(ReferenceFusion.Average)).Fit(rows).Transform(rows), "Out");

    private PersonalizedImageEstimator Estimator() => _ml.PatchDpo.GeneratePersonalizedImages(_model, reference: "Image", generation: Fast);

    private string WriteOtherAdapter()
        => Path.Combine(TinyPersonalizedModel.Write(Path.Combine(_models.Root, "other"), seed: 9), "ip_adapter.safetensors");

    // A batch of another size may round a pixel's last bit differently.
    private static int LargestDifference(byte[] a, byte[] b) => a.Zip(b, (x, y) => Math.Abs(x - y)).Max();

    private static List<byte[]> Pixels(IDataView view, string column = "Generated") => RowReader.Read(view, column).Select(r => (byte[])r[0]).ToList();

    public sealed class NoiseRow
    {
        public string Prompt { get; set; } = "";

        [Microsoft.ML.Transforms.Image.ImageType(TestImages.Size, TestImages.Size)]
        public MLImage? Image { get; set; }

        public long Noise { get; set; }
    }

    public sealed class GeneratedRow
    {
        [Microsoft.ML.Transforms.Image.ImageType(TinyPersonalizedModel.ImageSize, TinyPersonalizedModel.ImageSize)]
        public MLImage? Generated { get; set; }
    }
}
