using System.Diagnostics;
using System.Globalization;
using System.Text;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.Weights;
using TorchSharp;

namespace PatchDpo.Fuzz.Configurations;

/// <summary>
/// Loads small models with one field of one configuration changed: each loads and works, or is refused by a documented exception, at once and in
/// little memory.
/// </summary>
internal sealed class ConfigurationRun(string folder, Watchdog watchdog)
{
    private const long MaxMemory = 1L << 30;

    // A whole model takes a hundred times as long as a part: of the parts that load, so many share one.
    private const int WholeEvery = 10;

    private static readonly TimeSpan MaxTime = TimeSpan.FromSeconds(10), Every = TimeSpan.FromSeconds(20);

    private static readonly Type[] Documented =
    [
        typeof(ModelConfigException), typeof(ModelFileNotFoundException), typeof(StateDictMismatchException), typeof(UnknownModelException), typeof(
            WeightsFormatException),
        typeof(NonFiniteOutputException), typeof(Torch.Personalization.NonFiniteLatentsException),
    ];

    private readonly SortedDictionary<string, int> _outcomes = new(StringComparer.Ordinal);
    private int _changes, _cases, _loaded, _whole, _findings;
    private long _largest;
    private TimeSpan _slowest;

    /// <summary>Runs all changes, or each n-th.</summary>
    /// <returns>The number of findings.</returns>
    public int Run(int every, bool printOutcomes)
    {
        Stopwatch clock = Stopwatch.StartNew();
        TimeSpan next = Every;
        foreach (ConfigurationTarget target in ConfigurationTargets.Create(folder))
        {
            string sound = File.ReadAllText(target.File);
            // Loads and compiles what is needed, and shows that the model itself is sound.
            target.Load();
            target.LoadWhole?.Invoke();
            foreach (ConfigurationChange change in ConfigurationChanges.Of(sound, target.MoreFields))
            {
                if (_changes++ % every != 0)
                    continue;
                File.WriteAllText(target.File, change.Text, new UTF8Encoding(false));
                File.WriteAllText(Path.Combine(folder, "current.txt"), $"{target.File}: {change.Field} = {change.What}");
                _cases++;
                if (Try(target, change, target.Load))
                {
                    if (target.LoadWhole is not null && ++_loaded % WholeEvery == 0)
                    {
                        _whole++;
                        Try(target, change, target.LoadWhole);
                    }
                }
                if (clock.Elapsed < next)
                    continue;
                next += Every;
                Console.WriteLine($"  {target.Name}: {_cases} configurations, {_findings} findings, {_cases / clock.Elapsed.TotalSeconds:f0} a second");
            }
            File.WriteAllText(target.File, sound, new UTF8Encoding(false));
        }
        foreach ((string outcome, int count) in _outcomes.Where(o => printOutcomes || !o.Key.Contains(':', StringComparison.Ordinal)))
            Console.WriteLine($"  {count,7} {outcome}");
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{_cases} configurations of {_changes}, {_whole} of them with the whole model, {_findings} findings; at most {_largest >> 20} MiB and {_slowest.TotalSeconds:f1} s; {clock.Elapsed.TotalSeconds:f0} s in all"));
        return _findings;
    }

    /// <returns>Whether it loaded and worked.</returns>
    private bool Try(ConfigurationTarget target, ConfigurationChange change, Action load)
    {
        (Exception? error, string? fault) = TryOnce(target, load);
        // The machine may have paused.
        if (fault is not null)
            (error, fault) = TryOnce(target, load);
        Count(error is null ? "loads and works" : error.GetType().Name);
        if (error is not null)
            Count($"{error.GetType().Name}: {target.Name} {change.Field}");
        if (fault is not null)
        {
            _findings++;
            Console.WriteLine($"FINDING {target.Name}, {change.Field} = {change.What}: {fault}: {error?.ToString().ReplaceLineEndings(" | ")}");
        }
        return error is null;
    }

    private (Exception? Error, string? Fault) TryOnce(ConfigurationTarget target, Action load)
    {
        Exception? error = null;
        watchdog.Begin();
        long live = DisposeScopeManager.Statistics.ThreadTotalLiveCount, allocated = GC.GetAllocatedBytesForCurrentThread(), resident = MemoryPeak.Reset(), start = Stopwatch.GetTimestamp();
        try
        {
            load();
        }
#pragma warning disable CA1031 // Any exception is an outcome here, and the undocumented ones are what is looked for.
        catch (Exception e)
#pragma warning restore CA1031
        {
            error = e;
        }
        TimeSpan time = Stopwatch.GetElapsedTime(start);
        watchdog.End();
        long memory = Math.Max(GC.GetAllocatedBytesForCurrentThread() - allocated, MemoryPeak.Current - resident);
        live = DisposeScopeManager.Statistics.ThreadTotalLiveCount - live;
        _largest = Math.Max(_largest, memory);
        _slowest = time > _slowest ? time : _slowest;
        string? fault = error is not null && !Documented.Contains(error.GetType()) ? $"undocumented {error.GetType().Name}"
            : error is ModelConfigException && !error.Message.Contains(Path.GetDirectoryName(target.File)!, StringComparison.Ordinal)
                && !error.Message.Contains(folder, StringComparison.Ordinal) ? "message without the file"
            : time > MaxTime ? $"slow: {time.TotalSeconds:f1} s"
            : memory > MaxMemory ? $"memory: {memory >> 20} MiB"
            : live != 0 ? $"leak: {live} tensors" : null;
        return (error, fault);
    }

    private void Count(string outcome) => _outcomes[outcome] = _outcomes.GetValueOrDefault(outcome) + 1;
}
