using System.Diagnostics;
using PatchDpo.Torch.Adapters;
using PatchDpo.Torch.Clip;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Loop;
using PatchDpo.Torch.Pairs;
using PatchDpo.Torch.Personalization;
using PatchDpo.Torch.Training.Data;
using PatchDpo.Torch.Training.Objectives;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Training;

/// <summary>
/// Trains the adapter layers (the image prompt's keys and values) of a personalised model with PatchDPO, or a baseline; all else stays frozen.
/// </summary>
/// <remarks>
/// PatchDPO, arXiv 2412.03177, and its official script: both images of a pair share noise, timestep, text and image prompt;
/// AdamW with a constant rate. Latents, text states and image prompt tokens of all pairs are computed once and kept in memory.
/// The layers are trained in float32, also where the model's other weights are bfloat16.
/// </remarks>
public sealed class PatchDpoTrainer
{
    private readonly PersonalizedModel _model;
    private readonly PatchDpoTrainerOptions _options;
    private readonly ITrainingObjective _objective;

    /// <summary>Prepares a training; nothing is computed yet.</summary>
    /// <param name="model">The model to start from; it is not changed, and stays the caller's.</param>
    /// <param name="options">How to train; null takes the defaults.</param>
    /// <exception cref="ArgumentException">The options contradict one another.</exception>
    /// <exception cref="NotSupportedException">The model is float16.</exception>
    public PatchDpoTrainer(PersonalizedModel model, PatchDpoTrainerOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        if (model.DType == ScalarType.Float16)
            throw new NotSupportedException("A float16 model cannot be trained: its gradients would vanish below the smallest float16 number. Load it in "
                + "bfloat16 or float32.");
        _model = model;
        _options = options ?? new PatchDpoTrainerOptions();
        _options.Validate();
        _objective = _options.Objective == TrainingObjective.DiffusionDpo
            ? new DiffusionDpoObjective(_options.DiffusionDpoBeta)
            : new WeightedErrorObjective(_options.Objective, _options.Weights, model.Schedule, _options.MinSnrGamma);
    }

    /// <summary>Trains.</summary>
    /// <param name="pairs">At least one pair.</param>
    /// <param name="cancellation">Looked at before every step; nothing is kept of a training that is cancelled.</param>
    /// <returns>
    /// A trained copy of the model's adapter layers, the caller's to dispose (or to hand to <see cref="PersonalizedModel.WithAdapterLayers"/>).
    /// </returns>
    /// <exception cref="EmptyDataException">There is no pair.</exception>
    /// <exception cref="ArgumentException">
    /// A pair's list of image prompts is empty or has null in it, or the pairs have different numbers of image prompts above one whose least common
    /// multiple is above 60.
    /// </exception>
    /// <exception cref="PromptTooLongException">A prompt is too long; the message names its pair.</exception>
    /// <exception cref="TruncatedPromptException">
    /// A prompt has more tokens than the text encoder takes, and the options refuse that; the message names its pair.
    /// </exception>
    /// <exception cref="NonFiniteOutputException">A part of the model gives NaN or infinite numbers for a pair; the message names both.</exception>
    /// <exception cref="NonFiniteLossException">The training diverged, or the network's weights are damaged.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public AdapterLayers Train(IReadOnlyList<TrainingPair> pairs, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(pairs);
        if (pairs.Count == 0)
            throw new EmptyDataException("There is no pair to train on.");
        using var cache = new TrainingCache(_model, pairs, _options, _objective, cancellation);
        AdapterLayers tuned = _model.AdapterLayers.Clone(ScalarType.Float32);
        try
        {
            SetTrainable(tuned, true);
            Run(tuned, cache, cancellation);
            SetTrainable(tuned, false);
            return tuned;
        }
        catch
        {
            tuned.Dispose();
            throw;
        }
    }

    private void Run(AdapterLayers tuned, TrainingCache cache, CancellationToken cancellation)
    {
        using Generator generator = new(unchecked((ulong)_options.Seed), CPU);
        var order = new PairOrder(cache.Count, generator);
        using var optimizer = new AdamWOptimizer(
            tuned.TrainedParameters, _options.LearningRate, _options.Beta1, _options.Beta2, _options.Epsilon, _options.WeightDecay);
        var clock = Stopwatch.StartNew();
        for (int step = 1; step <= _options.MaxSteps; step++)
        {
            cancellation.ThrowIfCancellationRequested();
            (float loss, float? accuracy) = Step(tuned, cache, order, generator, optimizer);
            if (!float.IsFinite(loss))
                throw new NonFiniteLossException(step, loss, _model.FindDamagedWeights()?.ToString());
            _options.Progress?.Report(new TrainingProgress(
                step, _options.MaxSteps, loss, clock.Elapsed, accuracy) { TruncatedPrompts = cache.TruncatedPrompts });
        }
        // The last update is seen by no step of ours; with weights that are not finite, the next one's loss would not be either.
        if (!AllFinite(tuned))
            throw new NonFiniteLossException(_options.MaxSteps + 1, double.NaN);
    }

    private (float Loss, float? ImplicitAccuracy) Step(
        AdapterLayers tuned, TrainingCache cache, PairOrder order, Generator generator, AdamWOptimizer optimizer)
    {
        using DisposeScope scope = NewDisposeScope();
        long[] pairs = order.Take(Math.Min(_options.BatchSize, cache.Count));
        Tensor noise = randn([pairs.Length, .. cache.LatentShape], generator: generator);
        Tensor timesteps = randint(0, _model.Schedule.TrainTimesteps, [pairs.Length], dtype: ScalarType.Int64, generator: generator);
        double[] draws = [.. rand(pairs.Length, dtype: ScalarType.Float64, generator: generator).data<double>()];
        bool[] dropImage = [.. draws.Select(d => d < _options.ImageDropout || IsBoth(d))];
        bool[] dropText = [.. draws.Select(d => (d >= _options.ImageDropout && d < _options.ImageDropout + _options.TextDropout) || IsBoth(d))];
        TrainingBatch batch = cache.Batch(pairs, dropText, dropImage, noise, timesteps, _options.OfficialTimeIds, _model.Device);

        optimizer.ZeroGradients();
        TrainingStep step = TrainingStep.Forward(_model.Schedule, (x, t, c) => _model.Predict(x, t, c, tuned, _options.AdapterScale), batch);
        ObjectiveLoss loss = _objective.Loss(step, () => Untrained(step));
        float value = loss.Value.item<float>();
        if (float.IsFinite(value))
        {
            loss.Value.backward();
            optimizer.Step();
        }
        return (value, loss.ImplicitAccuracy);
    }

    /// <summary>What the model predicted before training: the adapter's weights are swapped, the network is the same.</summary>
    private Tensor Untrained(TrainingStep step)
    {
        using IDisposable noGrad = no_grad();
        return _model.Predict(step.NoisyLatents, step.Batch.Timesteps, step.Batch.Conditions, _model.AdapterLayers, _options.AdapterScale);
    }

    private bool IsBoth(double draw)
    {
        double single = _options.ImageDropout + _options.TextDropout;
        return draw >= single && draw < single + _options.BothDropout;
    }

    private static void SetTrainable(AdapterLayers layers, bool trainable)
    {
        foreach (Parameter parameter in layers.TrainedParameters)
            parameter.requires_grad = trainable;
    }

    private static bool AllFinite(AdapterLayers layers)
    {
        using IDisposable noGrad = no_grad();
        using DisposeScope scope = NewDisposeScope();
        return layers.parameters().All(FiniteOutput.Holds);
    }
}
