using PatchDpo.Torch.Weights.Safetensors;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TrainEmbeddedModels;

/// <summary>
/// AdamW over float32 master weights of modules that compute in bfloat16 (about four times as fast on a CPU with AVX-512 BF16),
/// with linear warm-up, cosine decay to zero, clipping to norm 1 and an exponential average of the weights.
/// </summary>
internal sealed class MixedPrecisionAdamW : IDisposable
{
    private const double Beta1 = 0.9;
    private const double Beta2 = 0.99;
    private readonly Parameter[] _parameters;
    private readonly long[] _sizes;
    private readonly Tensor _master;
    private readonly Tensor _first;
    private readonly Tensor _second;
    private readonly Tensor _average;
    private readonly double _learningRate;
    private readonly double _weightDecay;
    private readonly double _emaDecay;
    private readonly int _warmup;

    public MixedPrecisionAdamW(IEnumerable<nn.Module> modules, double learningRate, int totalSteps, double emaDecay = 0.998, double weightDecay = 0.01, int warmup = 100)
    {
        nn.Module[] all = modules.ToArray();
        using IDisposable noGradient = no_grad();
        using var scope = NewDisposeScope();
        _parameters = all.SelectMany(m => m.parameters()).ToArray();
        _sizes = _parameters.Select(p => p.numel()).ToArray();
        _master = cat(_parameters.Select(p => p.to(ScalarType.Float32).flatten()).ToArray()).DetachFromDisposeScope();
        _first = zeros_like(_master).DetachFromDisposeScope();
        _second = zeros_like(_master).DetachFromDisposeScope();
        _average = _master.clone().DetachFromDisposeScope();
        foreach (nn.Module module in all)
            module.to(ScalarType.BFloat16);
        _parameters = all.SelectMany(m => m.parameters()).ToArray();
        _learningRate = learningRate;
        _weightDecay = weightDecay;
        _emaDecay = emaDecay;
        _warmup = warmup;
        TotalSteps = totalSteps;
    }

    /// <summary>Steps done.</summary>
    public int Steps { get; private set; }

    /// <summary>Steps of the whole run; the rate is zero at its end.</summary>
    public int TotalSteps { get; }

    /// <summary>Trained values.</summary>
    public long ParameterCount => _master.numel();

    /// <summary>Applies the gradients and clears them.</summary>
    /// <returns>The gradients' norm before clipping.</returns>
    public double Step()
    {
        using IDisposable noGradient = no_grad();
        using var scope = NewDisposeScope();
        Tensor gradient = cat(_parameters.Select(p => p.grad is { } g ? g.to(ScalarType.Float32).flatten() : zeros(p.numel())).ToArray());
        double norm = gradient.norm().item<float>();
        if (!double.IsFinite(norm))
            throw new InvalidOperationException($"The gradients' norm is {norm} at step {Steps + 1}.");
        if (norm > 1)
            gradient.mul_(1 / norm);

        Steps++;
        double progress = Math.Min(1, Steps / (double)TotalSteps);
        double rate = _learningRate * Math.Min(1, Steps / (double)_warmup) * 0.5 * (1 + Math.Cos(Math.PI * progress));
        _first.mul_(Beta1).add_(gradient, alpha: 1 - Beta1);
        _second.mul_(Beta2).addcmul_(gradient, gradient, 1 - Beta2);
        Tensor denominator = (_second / (1 - Math.Pow(Beta2, Steps))).sqrt_().add_(1e-8);
        _master.mul_(1 - rate * _weightDecay);
        _master.addcdiv_(_first, denominator, -rate / (1 - Math.Pow(Beta1, Steps)));
        double decay = Math.Min(_emaDecay, (1.0 + Steps) / (10 + Steps));
        _average.mul_(decay).add_(_master, alpha: 1 - decay);
        Copy(_master);
        foreach (Parameter parameter in _parameters)
            parameter.grad?.zero_();
        return norm;
    }

    /// <summary>Puts the averaged weights into the modules, for export or a look at the state; <see cref="UseMaster"/> goes back.</summary>
    public void UseAverage()
    {
        using IDisposable noGradient = no_grad();
        Copy(_average);
    }

    /// <summary>Puts the current weights into the modules.</summary>
    public void UseMaster()
    {
        using IDisposable noGradient = no_grad();
        Copy(_master);
    }

    /// <summary>Turns the modules back to float32 and gives them the averaged weights.</summary>
    public void Finish(IEnumerable<nn.Module> modules)
    {
        using IDisposable noGradient = no_grad();
        using var scope = NewDisposeScope();
        nn.Module[] all = modules.ToArray();
        foreach (nn.Module module in all)
        {
            module.to(ScalarType.Float32);
            module.eval();
        }

        Parameter[] parameters = all.SelectMany(m => m.parameters()).ToArray();
        Tensor[] pieces = _average.split(_sizes);
        for (int i = 0; i < parameters.Length; i++)
            parameters[i].copy_(pieces[i].reshape(parameters[i].shape));
    }

    /// <summary>Saves everything that a later start needs to go on.</summary>
    public void Save(string path)
    {
        using Tensor steps = tensor(new long[] { Steps });
        SafetensorsWriter.Write(path, new Dictionary<string, Tensor> { ["master"] = _master, ["first"] = _first, ["second"] = _second, ["average"] = _average, ["steps"] = steps });
    }

    /// <summary>Goes on from a saved state; false where there is none.</summary>
    public bool TryLoad(string path)
    {
        if (!File.Exists(path))
            return false;
        using IDisposable noGradient = no_grad();
        using var scope = NewDisposeScope();
        using SafetensorsFile file = SafetensorsFile.Open(path);
        _master.copy_(file.Read("master"));
        _first.copy_(file.Read("first"));
        _second.copy_(file.Read("second"));
        _average.copy_(file.Read("average"));
        Steps = (int)file.Read("steps").item<long>();
        Copy(_master);
        return true;
    }

    public void Dispose()
    {
        _master.Dispose();
        _first.Dispose();
        _second.Dispose();
        _average.Dispose();
    }

    private void Copy(Tensor flat)
    {
        using var scope = NewDisposeScope();
        Tensor[] pieces = flat.split(_sizes);
        for (int i = 0; i < _parameters.Length; i++)
            _parameters[i].copy_(pieces[i].reshape(_parameters[i].shape));
    }
}
