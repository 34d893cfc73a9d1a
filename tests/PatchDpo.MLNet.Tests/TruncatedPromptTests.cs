using Microsoft.ML;
using PatchDpo.MLNet.Tests.Support;
using PatchDpo.Tests;
using PatchDpo.Torch.DataConstruction;
using PatchDpo.Torch.Evaluation;
using PatchDpo.Torch.Personalization;

namespace PatchDpo.MLNet.Tests;

/// <summary>Rows whose prompts have more tokens than the text encoder takes (14 with the tiny models, a byte each) are told by MLContext.Log.</summary>
public sealed class TruncatedPromptTests : IClassFixture<TinyModels>, IDisposable
{
    private static readonly GenerationOptions Fast = new() { Steps = 1, GuidanceScale = 1, BatchSize = 4 };

    private readonly MLContext _ml = new(1);
    private readonly List<string> _warnings = [];
    private readonly TinyModels _models;
    private readonly PersonalizedModel _model;

    public TruncatedPromptTests(TinyModels models)
    {
        _models = models;
        _model = _ml.PatchDpo.LoadPersonalizedModel(models.Generator);
        _ml.Log += (_, e) =>
        {
            if (e.Message.Contains("cut", StringComparison.Ordinal))
                _warnings.Add(e.Message);
        };
    }

    public void Dispose() => _model.Dispose();

    [Fact]
    public void Generation_warns_of_the_first_rows_and_counts_the_rest()
    {
        IDataView rows = Rows(13, i => i == 0 ? "a cube" : $"a cube in the snow number {i}");
        using PersonalizedImageTransformer transformer = Estimator(Fast).Fit(rows);
        RowReader.Read(transformer.Transform(rows), "Generated");
        Assert.Equal(12, transformer.TruncatedPromptCount);
        Assert.Equal(4, _warnings.Count);
        Assert.Contains("Row 1, column 'Prompt': the prompt is cut: it has 21 tokens and the text encoder takes 14; left out: '", _warnings[0],
            StringComparison.Ordinal);
        Assert.Contains("Row 3", _warnings[2], StringComparison.Ordinal);
        Assert.Contains("10 prompts have been cut so far", _warnings[3], StringComparison.Ordinal);
    }

    [Fact]
    public void The_negative_prompt_is_told_once()
    {
        IDataView rows = Rows(3, _ => "a cube");
        using PersonalizedImageTransformer transformer = Estimator(Fast with { GuidanceScale = 2, BatchSize = 1,
            NegativePrompt = "ugly, blurred, low quality" }).Fit(rows);
        RowReader.Read(transformer.Transform(rows), "Generated");
        Assert.Contains("The negative prompt is cut", Assert.Single(_warnings), StringComparison.Ordinal);
    }

    [Fact]
    public void Refused_it_is_the_rows_error_also_after_saving()
    {
        IDataView rows = Rows(3, i => i == 1 ? "a cube in the snow!" : "a cube");
        using PersonalizedImageTransformer transformer = Estimator(Fast with { RefuseTruncatedPrompts = true }).Fit(rows);
        Check(transformer);
        using var stream = new MemoryStream();
        _ml.Model.Save(transformer, rows.Schema, stream);
        stream.Position = 0;
        var loaded = (PersonalizedImageTransformer)_ml.Model.Load(stream, out _);
        Check(loaded);
        loaded.Dispose();

        void Check(ITransformer t)
        {
            InvalidRowException e = Assert.Throws<InvalidRowException>(() => RowReader.Read(t.Transform(rows), "Generated"));
            Assert.Equal(("Prompt", 1L), (e.Column, e.Row));
            Assert.Contains("it has 15 tokens and the text encoder takes 14", e.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Text_embedding_warns_or_refuses()
    {
        IDataView rows = Rows(3, i => i == 2 ? "a cube in the snow!" : "a cube");
        using (TextEmbeddingTransformer transformer = _ml.PatchDpo.EmbedText("E", TextEncoder.FromFolder(_models.Text), "Prompt").Fit(rows))
        {
            RowReader.Read(transformer.Transform(rows), "E");
            Assert.Equal(1, transformer.TruncatedTextCount);
            Assert.Contains("Row 2", Assert.Single(_warnings), StringComparison.Ordinal);
        }
        using TextEmbeddingTransformer strict = _ml.PatchDpo.EmbedText("E", TextEncoder.FromFolder(_models.Text), "Prompt", refuseTruncatedTexts: true)
            .Fit(rows);
        using var stream = new MemoryStream();
        _ml.Model.Save(strict, rows.Schema, stream);
        stream.Position = 0;
        using var loaded = (TextEmbeddingTransformer)_ml.Model.Load(stream, out _);
        Assert.All([strict, loaded], t => Assert.Equal(2, Assert.Throws<InvalidRowException>(() => RowReader.Read(t.Transform(rows), "E")).Row));
    }

    [Fact]
    public void Training_and_evaluation_warn_or_refuse_by_row()
    {
        IDataView pairs = Rows(6, i => i < 2 ? "a cube" : "a cube in the snow!");
        IDataView scored = _ml.PatchDpo.ScorePatchQuality("Generated", "Reference", ImageEncoder.FromFolder(_models.Dino)).Fit(pairs).Transform(pairs);
        _ml.PatchDpo.Trainers.PatchDpo(_model, new PatchDpoTrainer.Options { Training = new() { MaxSteps = 1 }, Generation = Fast }).Fit(scored).Dispose();
        Assert.Equal(4, _warnings.Count);
        Assert.Contains("Row 2", _warnings[0], StringComparison.Ordinal);
        Assert.Contains("4 prompts are cut in all", _warnings[3], StringComparison.Ordinal);
        var strict = new PatchDpoTrainer.Options { Training = new() { MaxSteps = 1 }, Generation = Fast with { RefuseTruncatedPrompts = true } };
        Assert.Equal(2, Assert.Throws<InvalidRowException>(() => _ml.PatchDpo.Trainers.PatchDpo(_model, strict).Fit(scored)).Row);
        strict = new PatchDpoTrainer.Options { Training = new() { MaxSteps = 1, RefuseTruncatedPrompts = true }, Generation = Fast };
        Assert.Equal(2, Assert.Throws<InvalidRowException>(() => _ml.PatchDpo.Trainers.PatchDpo(_model, strict).Fit(scored)).Row);

        _warnings.Clear();
        PersonalizationMetrics metrics = _ml.PatchDpo.Evaluate(pairs, new EvaluationOptions { ClipFolder = _models.FullClip });
        Assert.Equal([2, 3, 4, 5], metrics.TruncatedPrompts.Select(t => t.Index!.Value));
        Assert.Equal(4, _warnings.Count);
        var refusing = new EvaluationOptions { ClipFolder = _models.FullClip, Evaluator = new() { RefuseTruncatedPrompts = true } };
        Assert.Equal(2, Assert.Throws<InvalidRowException>(() => _ml.PatchDpo.Evaluate(pairs, refusing)).Row);
    }

    [Fact]
    public void Building_pairs_refuses_by_row()
    {
        IDataView prompts = Rows(2, i => i == 1 ? "a cube in the snow!" : "a cube");
        string folder = Path.Combine(_models.Root, "refused-pairs");
        var options = new PairBuildingOptions { Builder = new PairBuilderOptions { References = 1, Generation = Fast with { RefuseTruncatedPrompts = true } } };
        Assert.Equal(1, Assert.Throws<InvalidRowException>(() => _ml.PatchDpo.BuildPairs(
            prompts, folder, _model, ImageEncoder.FromFolder(_models.Dino), options)).Row);
        Assert.False(Directory.Exists(folder));
    }

    private PersonalizedImageEstimator Estimator(GenerationOptions generation)
        => _ml.PatchDpo.GeneratePersonalizedImages(_model, new PersonalizedImageEstimator.Options { Generation = generation, OutputColumnName = "Generated" });

    private IDataView Rows(int count, Func<int, string> prompt)
        => _ml.Data.LoadFromEnumerable(Enumerable.Range(0, count).Select(i => new PairRow
        {
            Id = i,
            Subject = $"subject {i}",
            Prompt = prompt(i),
            Generated = TestImages.Draw(i),
            Reference = TestImages.Draw(i + 1),
        }).ToArray());
}
