using System.Diagnostics;
using PatchDpo.Torch.Adapters;
using PatchDpo.Torch.Clip;
using PatchDpo.Torch.Diffusion;
using PatchDpo.Torch.Diffusion.Blocks;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Loop;
using PatchDpo.Torch.Pairs;
using PatchDpo.Torch.Personalization;
using PatchDpo.Torch.Training.Data;
using PatchDpo.Torch.Training.Objectives;
using PatchDpo.Torch.Training.Parallel;
using PatchDpo.Torch.Training.Probes;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Training;

/// <summary>
/// Trains the adapter layers (the image prompt's keys and values) of a personalised model, and by an option its image projection, with PatchDPO or a
/// baseline; all else stays frozen.
/// </summary>
/// <remarks>
/// PatchDPO, arXiv 2412.03177, and its official script: both images of a pair share noise, timestep, text and image prompt;
/// AdamW, by default with a constant rate. Latents, text states and image prompt tokens of all pairs are computed once, and kept in memory or in a store.
/// The layers are trained in float32, also where the model's other weights are bfloat16.
/// </remarks>
/// <example><code language="csharp">
/// using PersonalizedModel model = PersonalizedModel.LoadEmbedded();
/// using IVisionEncoder encoder = PatchEncoder.LoadEmbedded();
/// ImageBuffer generated = ImageFile.Load("generated/cat.png"), reference = ImageFile.Load("photos/cat.png");
/// PatchQualityResult quality = new PatchQualityEstimator(encoder).Score([generated], [reference])[0];
/// TrainingPair[] pairs = [new("a cat, on a beach", reference, generated, quality.Reference, quality.Generated)];
///
/// var trainer = new PatchDpoTrainer(model, new PatchDpoTrainerOptions { MaxSteps = 2, BatchSize = 1, LearningRate = 1e-3 });
/// using PersonalizedModel tuned = model.WithAdapterLayers(trainer.Train(pairs));
/// tuned.SaveAdapter("ip_adapter.safetensors");
/// </code></example>
public sealed class PatchDpoTrainer
{
    private readonly PersonalizedModel _model;
    private readonly PatchDpoTrainerOptions _options;
    private readonly ITrainingObjective _objective;

    /// <summary>Prepares a training; nothing is computed yet.</summary>
    /// <param name="model">The model to start from; it is not changed, and stays the caller's.</param>
    /// <param name="options">How to train; null takes the defaults.</param>
    /// <exception cref="ArgumentException">The options contradict one another.</exception>
    /// <exception cref="NotSupportedException">The model is float16, or its adapter has no image projection, which is to be trained.</exception>
    public PatchDpoTrainer(PersonalizedModel model, PatchDpoTrainerOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        if (model.DType == ScalarType.Float16)
            throw new NotSupportedException("A float16 model cannot be trained: its gradients would vanish below the smallest float16 number. Load it in "
                + "bfloat16 or float32.");
        _model = model;
        _options = options ?? new PatchDpoTrainerOptions();
        _options.Validate();
        if (_options.TrainsProjection && model.References is not ProjectedPromptEncoder)
        {
            throw new NotSupportedException($"An adapter of the family '{model.AdapterFamily}' has no image projection that can be trained; train its keys and "
                + $"values ({nameof(PatchDpoTrainerOptions.TrainedSet)}, --train keys-and-values).");
        }
        _objective = TrainingObjectives.Create(_options, model.Schedule);
    }

    /// <summary>Reads pairs once, checks them, and encodes what their steps need, or what the options' store lacks of it.</summary>
    /// <param name="pairs">At least one pair; read one after another, and none is kept.</param>
    /// <param name="cancellationToken">Looked at before each pair; what the store has by then stays in it.</param>
    /// <returns>The pairs, the caller's to dispose.</returns>
    /// <exception cref="EmptyDataException">There is no pair.</exception>
    /// <exception cref="ArgumentException">
    /// A pair's list of image prompts is empty or has null in it, or the pairs have different numbers of image prompts above one whose least common
    /// multiple is above 60.
    /// </exception>
    /// <exception cref="UnsuitableReferencesException">A pair's image prompts lack what the adapter's family needs of them.</exception>
    /// <exception cref="PromptTooLongException">A prompt is too long; the message names its pair.</exception>
    /// <exception cref="TruncatedPromptException">
    /// A prompt has more tokens than the text encoder takes, and the options refuse that; the message names its pair.
    /// </exception>
    /// <exception cref="NonFiniteOutputException">A part of the model gives NaN or infinite numbers for a pair; the message names both.</exception>
    /// <exception cref="Weights.WeightsFormatException">A shard of the store is damaged.</exception>
    /// <exception cref="IOException">The store cannot be written.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public PreparedPairs Prepare(IEnumerable<TrainingPair> pairs, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(pairs);
        return new PreparedPairs(_model, pairs, _options, cancellationToken);
    }

    /// <summary>Prepares pairs and trains on them; the exceptions of both come through.</summary>
    /// <param name="pairs">At least one pair; read once, one after another.</param>
    /// <param name="cancellationToken">Looked at before every pair, and every batch.</param>
    /// <returns>
    /// A trained copy of the model's adapter layers, the caller's to dispose (or to hand to <see cref="PersonalizedModel.WithAdapterLayers"/>).
    /// </returns>
    public AdapterLayers Train(IEnumerable<TrainingPair> pairs, CancellationToken cancellationToken = default)
    {
        using PreparedPairs prepared = Prepare(pairs, cancellationToken);
        return Train(prepared, cancellationToken);
    }

    /// <summary>Trains.</summary>
    /// <param name="pairs">Prepared by a trainer of the same model and size; they stay the caller's.</param>
    /// <param name="cancellationToken">
    /// Looked at before every batch; of a training that is cancelled, its state is kept where the options name a folder for it, else nothing.
    /// </param>
    /// <returns>
    /// A trained copy of the model's adapter layers, the caller's to dispose (or to hand to <see cref="PersonalizedModel.WithAdapterLayers"/>).
    /// </returns>
    /// <exception cref="LostRankException">A process of the group does not answer.</exception>
    /// <exception cref="RankMismatchException">A process of the group was started with something else.</exception>
    /// <exception cref="RankFailedException">Another process of the group cannot go on.</exception>
    /// <exception cref="ArgumentException">
    /// There are fewer pairs than processes, the pairs were prepared for another model, size or trained parts, or all their quality maps hold nothing but
    /// 0, or nothing but 1, and the objective uses them.
    /// </exception>
    /// <exception cref="NonFiniteLossException">The training diverged, or the network's weights are damaged.</exception>
    /// <exception cref="TrainingStateMismatchException">The state is of a training with other options, pairs or weights.</exception>
    /// <exception cref="TrainingStateException">The state's last checkpoint is damaged, or beyond the steps that are asked for.</exception>
    /// <exception cref="IOException">A checkpoint cannot be written, or another process trains with the state.</exception>
    /// <exception cref="NonFiniteLatentsException">A probe's picture cannot be drawn with the layers as they have become.</exception>
    /// <exception cref="ObjectDisposedException">There is a probe, and the model's encoders were released.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public AdapterLayers Train(PreparedPairs pairs, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(pairs);
        if (pairs.Model != _model || pairs.Size != PreparedPairs.SizeOf(_model, _options) || pairs.HasFeatures != _options.TrainsProjection)
            throw new ArgumentException("The pairs were prepared for another model, another size or other trained parts.", nameof(pairs));
        if (TrainingObjectives.UsesQuality(_options.Objective))
            pairs.CheckQuality();
        AdapterLayers tuned = _model.AdapterLayers.Clone(ScalarType.Float32);
        try
        {
            if (_options.TrainsProjection)
                tuned.ImageProjection ??= ((IImageProjection)((ProjectedPromptEncoder)_model.References).ImageProjection).Copy(ScalarType.Float32);
            SetTrainable(tuned, true);
            Run(tuned, pairs, cancellationToken);
            SetTrainable(tuned, false);
            return tuned;
        }
        catch
        {
            tuned.Dispose();
            throw;
        }
    }

    private void Run(AdapterLayers tuned, PreparedPairs pairs, CancellationToken cancellationToken)
    {
        IProcessGroup? processes = _options.Processes;
        RowShare share = RowShare.Of(processes, _options.BatchSize, pairs.Count);
        (int batch, int parts, bool isFirst) = (share.Count, _options.GradientAccumulation, processes is not { Rank: > 0 });
        var draws = new TrainingDraws(_options.Seed);
        var order = new RowOrder(pairs.Count, draws);
        PairWeights weigh = _objective.FitWeights(pairs.Records.SelectMany(r => new[] { r.Reference.Quality, r.Generated.Quality }));
        var accuracies = new List<float>();
        TrainingHeader? header = _options.State is null && processes is null ? null : TrainingHeaders.Create(_options, _model, pairs, share.Whole);
        if (processes is not null)
            RankAgreement.Require(processes, TrainingHeaders.Shared(header!));
        using TrainingCheckpoints? checkpoints = _options.State is null || !isFirst ? null : TrainingCheckpoints.Open(_options.State, header!);
        using var loop = new TrainingLoop(Trained(tuned), LoopOptions() with
        {
            Peers = processes is null ? null : new StepExchange(processes, (double)batch / share.Whole),
        });
        ProjectionTraining? projection = _options.TrainsProjection
            ? new ProjectionTraining(((ProjectedPromptEncoder)_model.References).With(tuned.ImageProjection!)) : null;
        List<long> taken = [];
        int stepsTaken = 0;
        // A training that goes on has its first step where the last checkpoint was.
        using TrainingCourse? course = isFirst && _options.LogFolder is string folder ? new TrainingCourse(folder) : null;
        using TrainingProbe? probe = _options.Probe is null || !isFirst ? null : new TrainingProbe(_options.Probe, _model, _options.MaxSteps, checkpoints);
        List<TrainingProbeResult> probes = [];
        TimeSpan probing = TimeSpan.Zero;
        var clock = Stopwatch.StartNew();
        // What somebody else's backward pass failed with, unasked for, is no cause here.
        Recomputed.TakeFailure();
        try
        {
            loop.Run(Loss, Report, FindCause, checkpoints, cancellationToken, BeforeSteps, projection is null ? null : projection.Backward);
        }
        catch (NonFiniteLossException e)
        {
            throw e.For([.. taken]);
        }
        loop.UseAverage();
        tuned.TrainedSteps = _options.MaxSteps;
        probe?.TakeBest(tuned, Trained);
        // The first process alone has looked for it.
        if (processes is not null && _options.Probe is { GivesBest: true })
            TakeFirst(processes, tuned);

        string? FindCause() => Recomputed.TakeFailure() is { } failure
            ? $"The backward pass failed: {failure.Message}" : _model.FindDamagedWeights()?.ToString();

        Tensor Loss(int step, int part)
        {
            int first = (part * share.Whole) + share.First;
            long[] rows = order.At(((step - 1L) * parts * share.Whole) + first, batch);
            if (part == 0)
                taken.Clear();
            taken.AddRange(rows);
            Tensor noise = Noise(draws, step, first, batch, pairs.LatentShape);
            Tensor timesteps = tensor(draws.Below(TrainingDraw.Timestep, step, first, batch, _model.Schedule.TrainTimesteps));
            (bool Text, bool Image)[] dropped = Dropped(draws, step, first, batch);
            TrainingBatch data = pairs.Batch(
                rows, [.. dropped.Select(d => d.Text)], [.. dropped.Select(d => d.Image)], noise, timesteps, _options.OfficialTimeIds, weigh,
                projection?.Encoder);
            ObjectiveLoss loss = Forward(tuned, projection is null ? data : data with { Conditions = projection.Cut(data.Conditions) });
            if (loss.ImplicitAccuracy is float accuracy)
                accuracies.Add(accuracy);
            return loss.Value;
        }

        void BeforeSteps()
        {
            // One that a killed process did not come to, or did not write down, is drawn (again).
            Probe();
            (probing, clock) = (TimeSpan.Zero, Stopwatch.StartNew());
        }

        void Probe()
        {
            if (probe?.IsDue(loop.Steps) != true)
                return;
            TrainingProbeResult result = probe.Run(tuned, Trained, loop, cancellationToken);
            probing += result.Elapsed;
            probes.Add(course is null ? result : course.Add(result, probe.Grid(result)));
        }

        void Report(TrainingLoopStep done)
        {
            float? accuracy = accuracies.Count == 0 ? null : accuracies.Average();
            accuracies.Clear();
            TimeSpan elapsed = clock.Elapsed;
            TimeSpan stepping = elapsed - probing;
            stepsTaken++;
            var progress = new TrainingProgress(done.Step, _options.MaxSteps, (float)done.Loss, elapsed, accuracy)
            {
                TruncatedPrompts = pairs.TruncatedPrompts,
                Warnings = pairs.Warnings,
                LearningRate = done.LearningRate,
                GradientNorm = done.GradientNorm,
                IsSpike = done.IsSpike,
                PairsPerSecond = stepsTaken * (double)parts * share.Whole / stepping.TotalSeconds,
                Remaining = (stepping / stepsTaken * (_options.MaxSteps - done.Step)) + (probe?.TimeAfter(done.Step) ?? TimeSpan.Zero),
            };
            course?.Add(progress);
            Probe();
            _options.Progress?.Report(progress with { Probes = [.. probes] });
            probes.Clear();
        }
    }

    /// <summary>The noise of a step's rows, <c>(B,C,h,w)</c>.</summary>
    internal Tensor Noise(TrainingDraws draws, int step, int first, int rows, long[] shape)
    {
        Tensor noise = draws.Normal(TrainingDraw.Noise, step, first, rows, shape);
        return _options.NoiseOffset == 0 ? noise
            : noise.Plus(draws.Normal(TrainingDraw.NoiseOffset, step, first, rows, [shape[0], 1, 1]).Times(_options.NoiseOffset));
    }

    private TrainingLoopOptions LoopOptions() => new()
    {
        MaxSteps = _options.MaxSteps,
        LearningRate = step => _options.LearningRate * _options.LearningRateSchedule.Factor(step, _options.MaxSteps),
        Accumulation = _options.GradientAccumulation,
        MaxGradientNorm = _options.MaxGradientNorm,
        SpikeFactor = _options.SpikeFactor,
        EmaDecay = _options.EmaDecay,
        AdamW = new() { Beta1 = _options.Beta1, Beta2 = _options.Beta2, Epsilon = _options.Epsilon, WeightDecay = _options.WeightDecay },
    };

    private ObjectiveLoss Forward(AdapterLayers tuned, TrainingBatch batch)
    {
        TrainingStep step = TrainingStep.Forward(_model.Schedule, Predict, batch);
        return _objective.Loss(step, () => Untrained(step));

        Tensor Predict(Tensor latents, Tensor timesteps, PromptConditions conditions)
            => _model.Predict(latents, timesteps, conditions, tuned, _options.AdapterScale, _options.GradientCheckpointing);
    }

    /// <summary>What the model predicted before training: the adapter's weights are swapped, the network is the same.</summary>
    private Tensor Untrained(TrainingStep step)
    {
        using IDisposable noGrad = no_grad();
        PromptConditions conditions = step.Batch.BeforeTraining?.Invoke() ?? step.Batch.Conditions;
        return _model.Predict(step.NoisyLatents, step.Batch.Timesteps, conditions, _model.AdapterLayers, _options.AdapterScale);
    }

    /// <summary>Which rows of a step lose their prompt and their image prompt.</summary>
    internal (bool Text, bool Image)[] Dropped(TrainingDraws draws, int step, int first, int rows)
    {
        // One number decides: the shares lie behind one another in [0, 1).
        (double image, double text, double both) = (_options.ImageDropout, _options.TextDropout, _options.BothDropout);
        return [.. draws.Uniform(TrainingDraw.Dropout, step, first, rows).Select(d =>
        {
            bool isBoth = d >= image + text && d < image + text + both;
            return (isBoth || (d >= image && d < image + text), isBoth || d < image);
        })];
    }

    private void TakeFirst(IProcessGroup processes, AdapterLayers tuned)
    {
        using IDisposable noGrad = no_grad();
        using DisposeScope scope = NewDisposeScope();
        Tensor steps = tensor(new[] { (long)tuned.TrainedSteps!.Value });
        processes.Broadcast(steps, 0);
        tuned.TrainedSteps = (int)steps.item<long>();
        foreach ((_, Parameter parameter) in Trained(tuned))
            processes.Broadcast(parameter, 0);
    }

    private void SetTrainable(AdapterLayers layers, bool trainable)
    {
        foreach ((_, Parameter parameter) in Trained(layers))
            parameter.requires_grad = trainable;
    }

    // What is trained, under the names of the training's state.
    private IEnumerable<(string, Parameter)> Trained(AdapterLayers layers)
    {
        // By reference: tensors compare by value.
        HashSet<Parameter> trained = new(_options.TrainsLayers ? layers.TrainedParameters : [], ReferenceEqualityComparer.Instance);
        IEnumerable<(string, Parameter)> projected = _options.TrainsProjection
            ? layers.ImageProjection!.named_parameters().Select(p => ($"image_proj.{p.name}", p.parameter)) : [];
        return [.. layers.named_parameters().Where(p => trained.Contains(p.parameter)).Select(p => (p.name, p.parameter)), .. projected];
    }
}
