using System.Diagnostics;
using PatchDpo.Torch.DataConstruction;

namespace BuildDataSet;

/// <summary>Prints a line for each finished batch, and every ten seconds within one.</summary>
internal sealed class ConsoleProgress : IProgress<PairBuildProgress>
{
    private static readonly TimeSpan s_pause = TimeSpan.FromSeconds(10);

    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private TimeSpan _last;

    public void Report(PairBuildProgress value)
    {
        if (value.Generation is not null && _clock.Elapsed - _last < s_pause)
            return;
        _last = _clock.Elapsed;
        string reused = value.Reused > 0 ? $", {value.Reused} of them from before" : "";
        string rejected = value.Stage == PairBuildStage.References ? $", {value.Rejected} rejected" : "";
        string batch = value.Generation is { } g ? $"; step {g.Step} of {g.Steps}" : "";
        Console.WriteLine($"[{_clock.Elapsed:hh\\:mm\\:ss}] {value.Stage}: {value.Completed} of {value.Total}{reused}{rejected}{batch}");
    }
}
