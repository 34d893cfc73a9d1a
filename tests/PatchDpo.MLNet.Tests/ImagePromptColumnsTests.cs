using Microsoft.ML;
using PatchDpo.MLNet.Tests.Support;
using PatchDpo.Tests;
using PatchDpo.Torch.Adapters;
using PatchDpo.Torch.Personalization;

namespace PatchDpo.MLNet.Tests;

/// <summary>Training on pairs of several objects.</summary>
public sealed class ImagePromptColumnsTests : IClassFixture<TinyModels>, IDisposable
{
    // A random adapter says little; the scale lets the image prompt be seen in the pixels.
    private static readonly GenerationOptions Fast = new() { Steps = 2, GuidanceScale = 1, BatchSize = 2, AdapterScale = 20 };

    private readonly MLContext _ml = new(1);
    private readonly TinyModels _models;
    private readonly PersonalizedModel _model;
    private readonly IDataView _scored;

    public ImagePromptColumnsTests(TinyModels models)
    {
        _models = models;
        _model = _ml.PatchDpo.LoadPersonalizedModel(models.Generator);
        _scored = Scored(ObjectsRow.Rows(_ml, 4), "First", "Second");
    }

    public void Dispose() => _model.Dispose();

    [Fact]
    public void It_passes_what_MLNET_checks_of_its_own()
        => EstimatorCheck.Run(_ml, Trainer("First", "Second"), _scored, PairRow.Rows(_ml, 2));

    [Fact]
    public void The_fitted_transformer_concatenates_the_same_columns()
    {
        using PersonalizedImageTransformer tuned = Trainer("First", "Second").Fit(_scored);
        List<object[]> generated = Generated(tuned);
        Assert.Equal(Generated(With(ReferenceFusion.Concatenate)), generated);
        Assert.NotEqual(Generated(With(ReferenceFusion.Average)), generated);
        using var loaded = (PersonalizedImageTransformer)EstimatorCheck.Reload(_ml, tuned, _scored.Schema, out _);
        Assert.Equal(generated, Generated(loaded));

        PersonalizedImageTransformer With(ReferenceFusion fusion)
            => tuned.With(new() { ReferenceColumnNames = ["First", "Second"], Generation = Fast with { ReferenceFusion = fusion } });

        List<object[]> Generated(PersonalizedImageTransformer transformer) => RowReader.Read(transformer.Transform(_scored), "Generated");
    }

    [Fact]
    public void The_columns_are_what_training_is_prompted_with()
    {
        float[] reference = Losses(), first = Losses("First"), both = Losses("First", "Second");
        Assert.Equal(reference, Losses("Reference"));
        Assert.NotEqual(reference, both);
        Assert.NotEqual(first, both);
    }

    [Fact]
    public void A_missing_image_names_its_row_and_column()
    {
        // The reference itself is whole, so that training is the first to miss the image.
        IDataView scored = Scored(ObjectsRow.Rows(_ml, 3, withoutSecond: 2), "First");
        InvalidRowException e = Assert.Throws<InvalidRowException>(() => Trainer("First", "Second").Fit(scored));
        Assert.Equal((2, "Second"), (e.Row, e.Column));
    }

    [Fact]
    public void Columns_that_are_absent_or_no_images_are_named()
    {
        Assert.Contains("'Third'", Assert.Throws<ArgumentOutOfRangeException>(() => Trainer("First", "Third").Fit(_scored)).Message, StringComparison.Ordinal);
        ArgumentOutOfRangeException e = Assert.Throws<ArgumentOutOfRangeException>(
            () => Trainer("First", "Prompt").GetOutputSchema(EstimatorCheck.ShapeOf(_scored.Schema)));
        Assert.Contains("'Prompt': expected Image", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Names_are_validated_when_set()
    {
        Assert.Throws<ArgumentException>(() => new PatchDpoTrainer.Options { ImagePromptColumnNames = [] });
        Assert.Throws<ArgumentException>(() => new PatchDpoTrainer.Options { ImagePromptColumnNames = ["First", ""] });
    }

    private IDataView Scored(IDataView rows, params string[] composedOf)
    {
        IDataView composed = _ml.PatchDpo.ComposeReferences("Reference", composedOf, TestImages.Size).Fit(rows).Transform(rows);
        return _ml.PatchDpo.ScorePatchQuality("Generated", "Reference", ImageEncoder.FromFolder(_models.Dino)).Fit(composed).Transform(composed);
    }

    private PatchDpoTrainer Trainer(params string[] columns)
        => _ml.PatchDpo.Trainers.PatchDpo(_model, new PatchDpoTrainer.Options { Training = new() { MaxSteps = 1 }, Seed = 1, Generation = Fast,
            ImagePromptColumnNames = columns });

    private float[] Losses(params string[] columns)
    {
        var losses = new List<float>();
        var options = new PatchDpoTrainer.Options { Training = new() { MaxSteps = 3 }, Seed = 1, ImagePromptColumnNames = columns.Length > 0 ? columns
            : null, ProgressCallback = p => losses.Add(p.Loss) };
        _ml.PatchDpo.Trainers.PatchDpo(_model, options).Fit(_scored).Dispose();
        return losses.ToArray();
    }
}
