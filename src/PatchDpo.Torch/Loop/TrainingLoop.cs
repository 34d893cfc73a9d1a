using PatchDpo.Torch.Foundation;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Loop;

/// <summary>The one training loop: AdamW with a rate for each step, accumulated and clipped gradients, a moving average, and guards.</summary>
/// <remarks>
/// It carries no generator: what a step draws is a function of its number (<see cref="TrainingDraws"/>), so that <see cref="State"/> is all that a
/// training needs to go on elsewhere.
/// </remarks>
internal sealed class TrainingLoop : IDisposable
{
    private const string StepName = "step", SpikeMean = "spike_guard.mean_bits", SpikeCount = "spike_guard.count";

    // Two threads that make a convolution's gradient of one new shape at the same moment crash in libtorch 2.10 (oneDNN, processors with AVX-512, kernels of
    // 3 x 3 over channels that lie last, as attention leaves them). One after the other they do not, nor when each has made it once: later steps have the
    // first one's shapes.
    private static readonly Lock FirstGradients = new();

    private readonly (string Name, Parameter Value)[] _parameters;
    private readonly TrainingLoopOptions _options;
    private readonly MasterWeights? _master;
    private readonly AdamWOptimizer _optimizer;
    private readonly WeightAverage? _average;
    private readonly SpikeGuard? _spikes;
    private bool _hasGradients;

    /// <summary>A loop that trains parameters.</summary>
    /// <param name="parameters">They require gradients, and stay the caller's.</param>
    /// <param name="options">How it trains.</param>
    public TrainingLoop(IEnumerable<(string Name, Parameter Value)> parameters, TrainingLoopOptions options)
    {
        _parameters = [.. parameters];
        _options = options;
        Parameter[] values = [.. _parameters.Select(p => p.Value)];
        AdamWSettings settings = options.AdamW;
        _optimizer = new AdamWOptimizer(values, options.LearningRate(1), settings.Beta1, settings.Beta2, settings.Epsilon, settings.WeightDecay);
        _average = options.EmaDecay is double decay ? new WeightAverage(values, decay) : null;
        _spikes = options.SpikeFactor is double factor ? new SpikeGuard(factor) : null;
    }

    /// <summary>A loop that trains modules which compute in bfloat16.</summary>
    /// <param name="master">Their float32 weights; they stay the caller's.</param>
    /// <param name="options">How it trains.</param>
    public TrainingLoop(MasterWeights master, TrainingLoopOptions options) : this(master.Values, options) => _master = master;

    /// <summary>Steps that are done.</summary>
    public int Steps { get; private set; }

    /// <summary>Steps of the whole training.</summary>
    public int MaxSteps => _options.MaxSteps;

    /// <summary>The loop's own tensors, live, and its counters.</summary>
    public TrainingState State
    {
        get
        {
            Dictionary<string, Tensor> tensors = [];
            Dictionary<string, long> numbers = new() { [StepName] = Steps };
            for (int i = 0; i < _parameters.Length; i++)
            {
                (string name, Parameter value) = _parameters[i];
                tensors[ValueOf(name)] = value;
                // PyTorch's names of AdamW's state.
                tensors[$"exp_avg.{name}"] = _optimizer.Means[i];
                tensors[$"exp_avg_sq.{name}"] = _optimizer.Squares[i];
                numbers[$"{StepName}.{name}"] = _optimizer.Steps[i];
                if (_average is not null)
                    tensors[AverageOf(name)] = _average.Averages[i];
            }
            if (_spikes is not null)
                (numbers[SpikeMean], numbers[SpikeCount]) = (BitConverter.DoubleToInt64Bits(_spikes.Mean), _spikes.Count);
            return new TrainingState(tensors, numbers);
        }
    }

    /// <summary>The name of a parameter's value in the state.</summary>
    public static string ValueOf(string parameter) => $"parameter.{parameter}";

    /// <summary>The name of a parameter's moving average in the state.</summary>
    public static string AverageOf(string parameter) => $"ema.{parameter}";

    /// <summary>Goes on from a state, the weights included.</summary>
    /// <param name="saved">Of a loop over the same parameters; it stays the caller's.</param>
    /// <exception cref="ArgumentException">It is of other parameters.</exception>
    public void Restore(TrainingState saved)
    {
        TrainingState own = State;
        foreach ((string name, Tensor tensor) in own.Tensors)
        {
            if (!saved.Tensors.TryGetValue(name, out Tensor? value) || !value.shape.AsSpan().SequenceEqual(tensor.shape))
                throw new ArgumentException($"The saved state has no tensor '{name}' of the shape ({string.Join(',', tensor.shape)}).", nameof(saved));
        }
        if (own.Numbers.Keys.FirstOrDefault(name => !saved.Numbers.ContainsKey(name)) is string missing)
            throw new ArgumentException($"The saved state has no number '{missing}'.", nameof(saved));
        if (saved.Tensors.Keys.FirstOrDefault(name => !own.Tensors.ContainsKey(name)) is string unknown)
            throw new ArgumentException($"The saved state has a tensor '{unknown}', which this training does not.", nameof(saved));

        using IDisposable noGrad = no_grad();
        foreach ((string name, Tensor tensor) in own.Tensors)
            tensor.copy_(saved.Tensors[name]);
        Take(saved.Numbers);
    }

    /// <summary>Trains until all steps are done.</summary>
    /// <param name="loss">
    /// The loss of a batch, a float32 scalar with gradient: of a step, from 1, the part, from 0 to the number of accumulated batches. What it makes is
    /// disposed behind it.
    /// </param>
    /// <param name="afterStep">Called after each step; null: none.</param>
    /// <param name="findCause">Asked for the cause when a loss is not finite, as a sentence; null, or where it gives null: nothing is known.</param>
    /// <param name="checkpoints">Where the training goes on from, and keeps its state; null: it begins, and keeps none.</param>
    /// <param name="cancellationToken">Looked at before each batch; the step that it stops is not taken, and the ones before are kept.</param>
    /// <param name="beforeSteps">Called before the first step, when the loop is where it goes on from; null: none.</param>
    /// <param name="afterBackward">Called after each batch's backward pass, before its tensors are disposed; null: none.</param>
    /// <exception cref="NonFiniteLossException">A loss or its gradients are not finite, or the weights that the last step left.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public void Run(Func<int, int, Tensor> loss, Action<TrainingLoopStep>? afterStep = null, Func<string?>? findCause = null,
        TrainingCheckpoints? checkpoints = null, CancellationToken cancellationToken = default, Action? beforeSteps = null,
        Action? afterBackward = null)
    {
        checkpoints?.Restore(this);
        if (_options.Peers is { } peers)
            Take(peers.Begin(State));
        try
        {
            beforeSteps?.Invoke();
            while (Steps < _options.MaxSteps)
            {
                TrainingLoopStep done = TakeStep(loss, findCause, afterBackward, cancellationToken);
                checkpoints?.SaveIfDue(this);
                afterStep?.Invoke(done);
            }
        }
        // Also where another process was asked to stop.
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested || _options.Peers is not null)
        {
            checkpoints?.Save(this);
            throw;
        }
        // The last update is seen by no step.
        CheckWeights();
    }

    /// <summary>Looks at the weights that the last step left: with some that are not finite, the next one's loss would not be either.</summary>
    /// <exception cref="NonFiniteLossException">Some are not finite.</exception>
    public void CheckWeights()
    {
        if (!_parameters.All(p => FiniteOutput.Holds(p.Value)))
            throw new NonFiniteLossException(Steps + 1, double.NaN);
    }

    /// <summary>The trained weights become their moving average, where there is one: the end of a training.</summary>
    public void UseAverage()
    {
        _average?.CopyToParameters();
        _master?.Publish();
    }

    /// <summary>Copies the moving average, where there is one, into parameters that hold what the trained ones do.</summary>
    /// <param name="copies">In the parameters' order.</param>
    public void CopyAverageTo(IEnumerable<Parameter> copies) => _average?.CopyTo(copies);

    /// <inheritdoc/>
    public void Dispose()
    {
        _optimizer.Dispose();
        _average?.Dispose();
    }

    private TrainingLoopStep TakeStep(
        Func<int, int, Tensor> loss, Func<string?>? findCause, Action? afterBackward, CancellationToken cancellationToken)
    {
        int step = Steps + 1;
        _optimizer.ZeroGradients();
        (double mean, double norm) = _options.Peers is null ? ComputeGradients(step, loss, findCause, afterBackward, cancellationToken)
            : ExchangeGradients(_options.Peers, step, loss, findCause, afterBackward, cancellationToken);
        bool isSpike = _spikes?.IsSpike(norm) == true;
        _optimizer.LearningRate = _options.LearningRate(step);
        if (!isSpike)
        {
            if (_options.MaxGradientNorm is double most)
                Clip(norm, most);
            _optimizer.Step();
            _average?.Add(step);
            _master?.Publish();
        }
        Steps = step;
        return new TrainingLoopStep(step, mean, _optimizer.LearningRate, norm, isSpike);
    }

    /// <summary>Gradients of the process's own rows; with peers, of its share of the step's loss.</summary>
    private (double Loss, double Norm) ComputeGradients(
        int step, Func<int, int, Tensor> loss, Func<string?>? findCause, Action? afterBackward, CancellationToken cancellationToken)
    {
        double sum = 0, share = _options.Peers?.Share ?? 1;
        for (int part = 0; part < _options.Accumulation; part++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            using DisposeScope scope = NewDisposeScope();
            Tensor value = loss(step, part);
            float number = value.item<float>();
            if (!float.IsFinite(number))
                throw new NonFiniteLossException(step, number, findCause?.Invoke());
            double divisor = _options.Accumulation / share;
            Backward(divisor == 1 ? value : value.DividedBy(divisor));
            afterBackward?.Invoke();
            _master?.TakeGradients();
            sum += number;
        }
        double mean = sum / _options.Accumulation;
        return (mean, CheckedNorm(step, mean, findCause));
    }

    private void Backward(Tensor value)
    {
        if (_hasGradients)
        {
            value.backward();
            return;
        }
        lock (FirstGradients)
            value.backward();
        _hasGradients = true;
    }

    /// <summary>Gradients of the whole step, or the fault of any process, in all processes alike.</summary>
    private (double Loss, double Norm) ExchangeGradients(
        ILoopPeers peers, int step, Func<int, int, Tensor> loss, Func<string?>? findCause, Action? afterBackward, CancellationToken cancellationToken)
    {
        double own = 0;
        Exception? fault = null;
        try
        {
            (own, _) = ComputeGradients(step, loss, findCause, afterBackward, cancellationToken);
        }
        catch (Exception e)
        {
            // The others must hear of it before it is thrown: they wait for this process.
            fault = e;
        }
        double mean = peers.Exchange(own, fault, [.. _parameters.Select(p => p.Value)]);
        return (mean, CheckedNorm(step, mean, findCause));
    }

    private double CheckedNorm(int step, double loss, Func<string?>? findCause)
    {
        double norm = GradientNorm();
        return double.IsFinite(norm) ? norm
            : throw new NonFiniteLossException(step, loss, $"Its gradients are not finite: their norm is {norm}. {findCause?.Invoke()}".TrimEnd());
    }

    private void Take(IReadOnlyDictionary<string, long> numbers)
    {
        for (int i = 0; i < _parameters.Length; i++)
            _optimizer.Steps[i] = numbers[$"{StepName}.{_parameters[i].Name}"];
        if (_spikes is not null)
            (_spikes.Mean, _spikes.Count) = (BitConverter.Int64BitsToDouble(numbers[SpikeMean]), numbers[SpikeCount]);
        Steps = (int)numbers[StepName];
        _master?.Publish();
    }

    /// <summary>The norm of all gradients together; looked at before each update, because one that is not finite would spoil every weight.</summary>
    private double GradientNorm()
    {
        using IDisposable noGrad = no_grad();
        using DisposeScope scope = NewDisposeScope();
        Tensor[] norms = [.. _parameters.Select(p => p.Value.grad).OfType<Tensor>().Select(g => g.norm())];
        return norms.Length == 0 ? 0 : stack(norms).norm().item<float>();
    }

    /// <summary>Shortens the gradients together to a norm, as PyTorch's <c>clip_grad_norm_</c>.</summary>
    private void Clip(double norm, double most)
    {
        using IDisposable noGrad = no_grad();
        using DisposeScope scope = NewDisposeScope();
        using Scalar factor = Math.Min(1, most / (norm + 1e-6)).ToScalar();
        foreach (Tensor gradient in _parameters.Select(p => p.Value.grad).OfType<Tensor>())
            gradient.mul_(factor);
    }
}
