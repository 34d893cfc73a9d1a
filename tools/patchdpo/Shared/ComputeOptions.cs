using System.CommandLine;
using System.Globalization;
using PatchDpo.Torch.Foundation;
using static TorchSharp.torch;

namespace PatchDpo.Tool.Shared;

/// <summary>The options that say where, and with which numbers, a model computes.</summary>
internal sealed class ComputeOptions
{
    private readonly Option<string> _device = new("--device") { Description = "cpu, cuda or cuda:N; under mpirun, cuda is each rank's own.", DefaultValueFactory = _ => "cpu" };
    private readonly Option<string> _dtype;

    /// <param name="types">What a model may be loaded in; the first is the default.</param>
    public ComputeOptions(params string[] types)
    {
        _dtype = new Option<string>("--dtype") { Description = $"{string.Join(", ", types.SkipLast(1))} or {types[^1]}.", DefaultValueFactory = _ => types[0] };
        _dtype.AcceptOnlyFromAmong(types);
    }

    /// <summary>Adds them to a command.</summary>
    public void AddTo(Command command)
    {
        command.Add(_device);
        command.Add(_dtype);
    }

    /// <summary>The type of the weights.</summary>
    public ScalarType DType(ParseResult arguments) => arguments.GetValue(_dtype) switch
    {
        "float16" => ScalarType.Float16,
        "bfloat16" => ScalarType.BFloat16,
        _ => ScalarType.Float32,
    };

    /// <summary>The device.</summary>
    /// <exception cref="InputException">There is no such device.</exception>
    public Device Device(ParseResult arguments)
    {
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
