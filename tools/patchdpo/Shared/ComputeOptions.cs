using System.CommandLine;
using System.Globalization;
using PatchDpo.Torch.Foundation;
using static TorchSharp.torch;

namespace PatchDpo.Tool.Shared;

/// <summary>The options that say where, with which numbers and on how many threads a model computes.</summary>
internal sealed class ComputeOptions
{
    private readonly Option<string> _device = new("--device")
    {
        Description = "cpu, cuda or cuda:N; under mpirun, cuda is each rank's own.",
        DefaultValueFactory = _ => "cpu",
    };
    private readonly Option<string> _dtype;
    private readonly Option<int?> _threads = new("--threads")
    {
        Description = "Threads that compute one operation on the CPU; default: one for each core, or OMP_NUM_THREADS.",
    };

    /// <param name="types">What a model may be loaded in; the first is the default.</param>
    public ComputeOptions(params string[] types)
    {
        _dtype = new Option<string>("--dtype")
        {
            Description = types.Length == 1 ? $"{types[0]}, which is all that there is here."
                : $"The type of the weights: {string.Join(", ", types.SkipLast(1))} or {types[^1]}. Default: {types[0]}.",
            DefaultValueFactory = _ => types[0],
        };
        _dtype.AcceptOnlyFromAmong(types);
    }

    /// <summary>Adds them to a command.</summary>
    public void AddTo(Command command)
    {
        foreach (Option option in new Option[] { _device, _dtype, _threads })
        {
            // Commands below a command take them too.
            option.Recursive = true;
            command.Add(option);
        }
    }

    /// <summary>The type of the weights.</summary>
    public ScalarType DType(ParseResult arguments) => arguments.GetValue(_dtype) switch
    {
        "float16" => ScalarType.Float16,
        "bfloat16" => ScalarType.BFloat16,
        _ => ScalarType.Float32,
    };

    /// <summary>The device. The number of threads is set on the way.</summary>
    /// <exception cref="InputException">There is no such device, or the number of threads is none.</exception>
    public Device Device(ParseResult arguments)
    {
        if (arguments.GetValue(_threads) is int threads)
            TorchRuntime.Threads = threads >= 1 ? threads : throw new InputException("--threads must be at least 1.");
        string name = arguments.GetValue(_device)!;
        int? gpu = name switch
        {
            "cpu" => null,
            "cuda" => RankGroup.Launcher?.LocalRank ?? 0,
            _ when name.StartsWith("cuda:", StringComparison.Ordinal) && RankGroup.Launcher is { LocalSize: > 1 } => throw new InputException(
                $"'{name}' is one device, but each of the ranks needs its own: give cuda."),
            _ when name.StartsWith("cuda:", StringComparison.Ordinal)
                && int.TryParse(name.AsSpan(5), NumberStyles.None, CultureInfo.InvariantCulture, out int id) => id,
            _ => throw new InputException($"'{name}' is no device: give cpu, cuda or cuda:N."),
        };
        return TorchRuntime.ResolveDevice(gpu, fallbackToCpu: false);
    }
}
