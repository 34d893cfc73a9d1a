using Microsoft.ML;
using Microsoft.ML.Data;
using PatchDpo.MLNet;
using PatchDpo.Torch.Evaluation;
using PatchDpo.Torch.PatchQuality;
using PatchDpo.Torch.Personalization;

namespace Quickstart;

/// <summary>The stages, each a few lines of ML.NET.</summary>
/// <param name="ml">The context.</param>
/// <param name="clock">Tells how far a stage is.</param>
/// <param name="evaluation">What images are measured with; its patch encoder scores them for training too.</param>
internal sealed class Pipeline(MLContext ml, StageClock clock, EvaluationOptions evaluation)
{
    private static readonly GenerationOptions GenerationSettings = new() { Steps = 16, GuidanceScale = 2, NegativePrompt = "", BatchSize = 16 };

    /// <summary>The rows with their reference images: what a generating transformer takes.</summary>
    public IDataView Load(Workload workload)
    {
        IDataView rows = ml.Data.LoadFromEnumerable(workload.Rows);
        return ml.PatchDpo.LoadImages("Reference", null, nameof(Row.ReferencePath)).Fit(rows).Transform(rows);
    }

    /// <summary>Generates an image for every row and writes it where the row says.</summary>
    /// <param name="workload">The rows.</param>
    /// <param name="model">The generator.</param>
    public int Generate(Workload workload, PersonalizedModel model)
    {
        IDataView rows = Load(workload);
        PersonalizedImageEstimator generating = ml.PatchDpo.GeneratePersonalizedImages(model, new PersonalizedImageEstimator.Options
        {
            NoiseIndexColumnName = nameof(Row.Noise),
            Generation = GenerationSettings,
        });
        return WriteImages(generating.Fit(rows).Transform(rows), "Generated", workload.Rows.Select(r => r.GeneratedPath).ToList());
    }

    /// <summary>Adds both quality maps and the score to each row, for training.</summary>
    public IDataView Score(Workload workload) => Score(workload, new PatchQualityScoringEstimator.Options());

    /// <summary>Adds the heat maps of images in scenes: the references stand on plain white, which no scene should take over.</summary>
    public IDataView HeatMaps(Workload workload)
        => Score(workload, new PatchQualityScoringEstimator.Options { IgnorePlainBackground = true, HeatMapColumnName = "HeatMap" });

    /// <summary>Fine-tunes the generator's adapter on scored rows.</summary>
    public PersonalizedImageTransformer Tune(IDataView scored, PersonalizedModel model, int steps, double learningRate)
        => ml.PatchDpo.Trainers.PatchDpo(model, new PatchDpoTrainer.Options
        {
            Training = new()
            {
                MaxSteps = steps,
                BatchSize = 8,
                LearningRate = learningRate,
                // p is high nearly everywhere on this small domain: stretching and sharpening it lets the bad patches stand out.
                Weights = new WeightMapOptions { Kind = WeightMapKind.MinMax, Contrast = 6 },
            },
            Generation = GenerationSettings,
            ProgressCallback = p => clock.Progress(p.Step, p.MaxSteps, $"loss {p.Loss:F4}"),
        }).Fit(scored);

    /// <summary>What is measured of the rows' images, each against its one reference.</summary>
    public PersonalizationMetrics Evaluate(Workload workload)
    {
        IDataView rows = ml.Data.LoadFromEnumerable(workload.Rows);
        return ml.PatchDpo.Evaluate(Images().Fit(rows).Transform(rows), evaluation);
    }

    /// <summary>Writes an image column; returns the number of rows.</summary>
    public int WriteImages(IDataView data, string column, IReadOnlyList<string> paths)
    {
        using DataViewRowCursor cursor = data.GetRowCursor([data.Schema[column]]);
        ValueGetter<MLImage> getter = cursor.GetGetter<MLImage>(data.Schema[column]);
        MLImage image = null!;
        int row = 0;
        for (; cursor.MoveNext(); row++)
        {
            getter(ref image);
            image.Save(paths[row]);
            clock.Progress(row + 1, paths.Count);
        }
        image?.Dispose();
        return row;
    }

    private IDataView Score(Workload workload, PatchQualityScoringEstimator.Options options)
    {
        IDataView rows = ml.Data.LoadFromEnumerable(workload.Rows);
        return Images().Append(ml.PatchDpo.ScorePatchQuality(evaluation.PatchQuality!, options)).Fit(rows).Transform(rows);
    }

    private EstimatorChain<ImageFileLoadingTransformer> Images()
        => ml.PatchDpo.LoadImages("Reference", null, nameof(Row.ReferencePath))
            .Append(ml.PatchDpo.LoadImages("Generated", null, nameof(Row.GeneratedPath)));
}
