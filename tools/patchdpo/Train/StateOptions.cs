using System.CommandLine;
using PatchDpo.Torch.Loop;

namespace PatchDpo.Tool.Train;

/// <summary>The options that say where a training keeps its state.</summary>
internal sealed class StateOptions
{
    private static readonly TrainingStateOptions Defaults = new() { Folder = "." };

    private readonly Option<string?> _folder = new("--state")
    {
        Description = "Folder for checkpoints: the same command goes on from the last one after it was stopped or killed. Default: none, and it begins anew.",
    };

    private readonly Option<int> _interval = new("--checkpoint-every")
    {
        Description = "Steps between two checkpoints; there is one where it is stopped, too.",
        DefaultValueFactory = _ => Defaults.Interval,
    };

    private readonly Option<int> _keepLast = new("--keep-last")
    {
        Description = "How many of the last checkpoints are kept.",
        DefaultValueFactory = _ => Defaults.KeepLast,
    };

    private readonly Option<int?> _keepEvery = new("--keep-every")
    {
        Description = "Checkpoints whose step is a multiple of this are kept for good; default: none.",
    };

    /// <summary>Adds them to a command.</summary>
    public void AddTo(Command command)
    {
        command.Add(_folder);
        command.Add(_interval);
        command.Add(_keepLast);
        command.Add(_keepEvery);
    }

    /// <summary>Where the state is kept; null: nowhere.</summary>
    public TrainingStateOptions? Read(ParseResult arguments) => arguments.GetValue(_folder) is not string folder ? null : new TrainingStateOptions
    {
        Folder = folder,
        Interval = arguments.GetValue(_interval),
        KeepLast = arguments.GetValue(_keepLast),
        KeepEvery = arguments.GetValue(_keepEvery),
    };
}
