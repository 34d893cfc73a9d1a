using Microsoft.ML;
using PatchDpo.MLNet.Tests.Support;
using PatchDpo.Tests;
using PatchDpo.Torch.DataConstruction;
using PatchDpo.Torch.Evaluation;
using PatchDpo.Torch.Personalization;

namespace PatchDpo.MLNet.Tests;

/// <summary>A row without a prompt, as ML.NET gives it for a missing value, is told by row and column and never taken in silence.</summary>
public sealed class EmptyPromptTests : IClassFixture<TinyModels>, IDisposable
{
    private static readonly GenerationOptions Fast = new() { Steps = 1, GuidanceScale = 1, BatchSize = 4 };

    private readonly MLContext _ml = new(1);
    private readonly TinyModels _models;
    private readonly PersonalizedModel _model;

    public EmptyPromptTests(TinyModels models)
    {
        _models = models;
        _model = _ml.PatchDpo.LoadPersonalizedModel(models.Generator);
    }

    public void Dispose() => _model.Dispose();

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData(" \t")]
    public void Generation_names_the_row_also_after_saving_unless_it_is_allowed(string? prompt)
    {
        IDataView rows = Rows(prompt);
        AllSay(Transformer(Fast), t => RowReader.Read(t.Transform(rows), "Generated"));
        using PersonalizedImageTransformer allowing = Transformer(Fast with { AllowEmptyPrompts = true });
        using PersonalizedImageTransformer loaded = Loaded(allowing);
        Assert.All([allowing, loaded], t => Assert.Equal(3, RowReader.Read(t.Transform(rows), "Generated").Count()));

        void AllSay(PersonalizedImageTransformer transformer, Action<ITransformer> read)
        {
            using (transformer)
            using (PersonalizedImageTransformer again = Loaded(transformer))
                Assert.All([transformer, again], t => Says(() => read(t)));
        }

        PersonalizedImageTransformer Transformer(GenerationOptions generation) => _ml.PatchDpo.GeneratePersonalizedImages(
            _model, new PersonalizedImageEstimator.Options { Generation = generation, OutputColumnName = "Generated" }).Fit(rows);

        PersonalizedImageTransformer Loaded(ITransformer transformer)
        {
            using var stream = new MemoryStream();
            _ml.Model.Save(transformer, rows.Schema, stream);
            stream.Position = 0;
            return (PersonalizedImageTransformer)_ml.Model.Load(stream, out _);
        }
    }

    [Fact]
    public void Training_evaluation_and_building_name_the_row()
    {
        IDataView pairs = Rows(null);
        IDataView scored = _ml.PatchDpo.ScorePatchQuality("Generated", "Reference", ImageEncoder.FromFolder(_models.Dino)).Fit(pairs).Transform(pairs);
        Says(() => _ml.PatchDpo.Trainers.PatchDpo(_model, new PatchDpoTrainer.Options { Training = new() { MaxSteps = 1 }, Generation = Fast }).Fit(scored));
        Says(() => _ml.PatchDpo.Evaluate(pairs, new EvaluationOptions { ClipFolder = _models.FullClip }));
        string folder = Path.Combine(_models.Root, "empty-pairs");
        Says(() => _ml.PatchDpo.BuildPairs(pairs, folder, _model, ImageEncoder.FromFolder(_models.Dino),
            new PairBuildingOptions { Builder = new PairBuilderOptions { References = 1, Generation = Fast } }));
        Assert.False(Directory.Exists(folder));
        // Without CLIP nothing reads the prompts.
        PersonalizationMetrics metrics = _ml.PatchDpo.Evaluate(pairs, new EvaluationOptions { Dino = ImageEncoder.FromFolder(_models.Dino) });
        Assert.Equal(3, metrics.Images);
    }

    private static void Says(Action action)
    {
        InvalidRowException e = Assert.Throws<InvalidRowException>(action);
        Assert.Equal(("Prompt", 1L), (e.Column, e.Row));
        Assert.Equal("Row 1, column 'Prompt': the prompt is empty.", e.Message);
    }

    private IDataView Rows(string? second)
        => _ml.Data.LoadFromEnumerable(Enumerable.Range(0, 3).Select(i => new PairRow
        {
            Id = i,
            Subject = $"subject {i}",
            Prompt = i == 1 ? second! : "a cube",
            Generated = TestImages.Draw(i),
            Reference = TestImages.Draw(i + 1),
        }).ToArray());
}
