using System.CommandLine;
using PatchDpo.Torch.Training.Data;
using static TorchSharp.torch;

namespace PatchDpo.Tool.Train;

/// <summary>The options that say where what is encoded of the pairs is kept.</summary>
internal sealed class StoreOptions
{
    private const string Float32 = "float32", BFloat16 = "bfloat16";

    private readonly Option<string?> _folder = new("--store")
    {
        Description = "Folder for what is encoded of images and prompts, once for all trainings; memory does not grow with the pairs then. Default: memory.",
    };

    private readonly Option<string> _dtype = new("--store-dtype")
    {
        Description = $"{Float32} or {BFloat16}, which takes half the disk.",
        DefaultValueFactory = _ => Float32,
    };

    public StoreOptions() => _dtype.AcceptOnlyFromAmong(Float32, BFloat16);

    /// <summary>Adds them to a command.</summary>
    public void AddTo(Command command)
    {
        command.Add(_folder);
        command.Add(_dtype);
    }

    /// <summary>Where it is kept; null: in memory.</summary>
    public ConditionStoreOptions? Read(ParseResult arguments) => arguments.GetValue(_folder) is not string folder ? null : new ConditionStoreOptions
    {
        Folder = folder,
        DType = arguments.GetValue(_dtype) == BFloat16 ? ScalarType.BFloat16 : ScalarType.Float32,
    };
}
