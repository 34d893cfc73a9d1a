using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using PatchDpo.Torch.Adapters;
using PatchDpo.Torch.Evaluation;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.Loop;
using PatchDpo.Torch.Personalization;
using PatchDpo.Torch.Training.Data;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Training.Probes;

/// <summary>Draws and measures a training's probe, and keeps its best step.</summary>
/// <param name="options">What, how and how often.</param>
/// <param name="model">The model that is trained.</param>
/// <param name="maxSteps">Steps of the training.</param>
/// <param name="checkpoints">Where the best checkpoint is kept, and known from; null: nowhere.</param>
internal sealed class TrainingProbe(TrainingProbeOptions options, PersonalizedModel model, int maxSteps, TrainingCheckpoints? checkpoints)
    : IDisposable
{
    private readonly string _measure = MeasureOf(options);

    // What the training would have given at the best step, where no checkpoint has it.
    private AdapterLayers? _bestLayers;
    private BestRecord? _best = checkpoints?.FindBest(MeasureOf(options));
    private int _count;
    private TimeSpan _time;

    /// <summary>Whether a step has a probe.</summary>
    public bool IsDue(int step) => step == 0 || step % options.Every == 0 || step == maxSteps;

    /// <summary>How long the probes after a step will take, if they take as long as those before.</summary>
    public TimeSpan TimeAfter(int step) => _count == 0 || step >= maxSteps
        ? TimeSpan.Zero
        : _time / _count * (((maxSteps + options.Every - 1) / options.Every) - (step / options.Every));

    /// <summary>Draws the probe.</summary>
    /// <param name="tuned">The layers that are trained; they stay as they are.</param>
    /// <param name="trained">Their trained parameters, and those of a copy, in one order.</param>
    /// <param name="loop">The training.</param>
    /// <param name="cancellationToken">Looked at before each sampling step and each batch that is measured.</param>
    public TrainingProbeResult Run(
        AdapterLayers tuned, Func<AdapterLayers, IEnumerable<(string, Parameter)>> trained, TrainingLoop loop, CancellationToken cancellationToken)
    {
        var clock = Stopwatch.StartNew();
        AdapterLayers copy = tuned.Clone();
        loop.CopyAverageTo(trained(copy).Select(p => p.Item2));
        using PersonalizedModel drawn = model.WithAdapterLayers(copy);
        IReadOnlyList<ImageBuffer> images = drawn.Generate(
            [.. options.Rows.Select(r => new GenerationRequest(r.Prompt, r.References))], options.Generation, cancellationToken: cancellationToken);
        PersonalizationMetrics metrics = options.Evaluator.Evaluate(
            options.Rows.Select((r, i) => new EvaluationRow(r.Subject, r.Prompt, images[i], [.. r.References.SelectMany(p => p.Photos)])), cancellationToken);
        double value = metrics.Find(options.Metric)!.Mean;
        if (_best is null || value > _best.Value)
        {
            _best = new BestRecord(loop.Steps, $"{options.Metric}", value, Scores(metrics), _measure);
            checkpoints?.SaveBest(loop, _best, drawn.SaveAdapter);
            if (options.GivesBest && checkpoints is null)
            {
                _bestLayers?.Dispose();
                _bestLayers = copy.Clone();
            }
        }
        _count++;
        _time += clock.Elapsed;
        return new TrainingProbeResult(loop.Steps, images, metrics, value, _best.Step, _best.Value, clock.Elapsed);
    }

    /// <summary>Layers become what the training would have given at the best step, where the options ask for it.</summary>
    /// <param name="tuned">The layers that were trained.</param>
    /// <param name="trained">Their trained parameters with the names of the training's state, and those of a copy, in one order.</param>
    public void TakeBest(AdapterLayers tuned, Func<AdapterLayers, IEnumerable<(string, Parameter)>> trained)
    {
        if (!options.GivesBest || _best is null)
            return;
        using IDisposable noGrad = no_grad();
        checkpoints?.CopyBestTo(_best.Step, trained(tuned));
        if (_bestLayers is not null)
            foreach (((_, Parameter target), (_, Parameter source)) in trained(tuned).Zip(trained(_bestLayers)))
                target.copy_(source);
        tuned.TrainedSteps = _best.Step;
    }

    /// <inheritdoc/>
    public void Dispose() => _bestLayers?.Dispose();

    /// <summary>Lays out a probe's pictures beside their references.</summary>
    public ImageBuffer Grid(TrainingProbeResult result)
    {
        var layout = new ImageGridOptions
        {
            CellSize = 256,
            ColumnTitles = ["references", string.Create(CultureInfo.InvariantCulture, $"step {result.Step}")],
            RowCaptions = [.. options.Rows.Select(r => r.Prompt)],
        };
        return ImageGrid.Compose([.. options.Rows.Select((r, i) => new[] { References(r), result.Images[i] })], layout);

        ImageBuffer References(TrainingProbeRow row)
            => row.References.SelectMany(r => r.Photos).ToArray() is { Length: > 1 } photos
                ? ReferenceMontage.Compose(photos, Math.Max(layout.CellSize, photos.Length))
                : row.References[0].Image;
    }

    /// <summary>What was measured, by name.</summary>
    public static IReadOnlyDictionary<string, double> Scores(PersonalizationMetrics metrics) => Enum.GetValues<PersonalizationMetric>()
        .Where(m => metrics.Find(m) is not null).ToDictionary(m => $"{m}", m => metrics.Find(m)!.Mean);

    private static string MeasureOf(TrainingProbeOptions options)
    {
        string[] parts =
        [
            $"{options.Metric}", .. options.Evaluator.Models.Select(m => $"{m.Role} {m.Sha256}"),
            .. OptionValues.Of(options.Generation, nameof(GenerationOptions.BatchSize), nameof(GenerationOptions.AllowEmptyPrompts))
                .Select(o => $"{o.Key}: {o.Value}"),
            .. options.Rows.SelectMany(r => r.References.Select(p => $"{PairRecord.ContentOf(p)}").Prepend(r.Prompt).Prepend(r.Subject)),
        ];
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\0', parts))));
    }
}
