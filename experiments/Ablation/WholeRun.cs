using System.Collections.Concurrent;

namespace Ablation;

/// <summary>All comparisons' runs, one after the other on as many threads as there are processors, so that none waits for a comparison's last runs.</summary>
/// <param name="settings">Of all of them.</param>
/// <param name="comparisons">What is compared, in the report's order.</param>
internal sealed class WholeRun(Settings settings, Comparison[] comparisons) : IDisposable
{
    private readonly string _encoded = Directory.CreateTempSubdirectory("ablation").FullName;
    private readonly KeptCurves _kept = new(settings);
    private readonly ConcurrentDictionary<(string Data, int Seed), Lazy<SeedPairs>> _pairs = new();
    private readonly Curve?[][] _curves = [.. comparisons.Select(c => new Curve?[settings.Seeds.Count * c.Choose(settings.Methods).Length])];
    private readonly List<Finished> _finished = [];

    // As many as threads: loading models takes a while, and each run leaves them as they were.
    private readonly ConcurrentBag<Experiment> _idle = [];

    /// <summary>Runs what is not kept yet; a comparison's report is written as soon as it and those before it have all their curves.</summary>
    public void Run() => Parallel.ForEach(
        Partitioner.Create(comparisons.Index().SelectMany(c => Jobs(c.Item, c.Index)), EnumerablePartitionerOptions.NoBuffering),
        new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount },
        Work);

    public void Dispose()
    {
        foreach (Experiment experiment in _idle)
            experiment.Dispose();
        Directory.Delete(_encoded, recursive: true);
    }

    private void Work(Action<Experiment> job)
    {
        Experiment experiment = _idle.TryTake(out Experiment? idle) ? idle : new Experiment(settings, _encoded);
        try
        {
            job(experiment);
        }
        finally
        {
            _idle.Add(experiment);
        }
    }

    // Pairs come first, as jobs of their own, so that a seed's first run need not wait for them while another thread prepares them.
    private IEnumerable<Action<Experiment>> Jobs(Comparison comparison, int place)
    {
        Method[] methods = comparison.Choose(settings.Methods);
        (int Seed, Method Method)[] runs = [.. settings.Seeds.SelectMany(s => methods.Select(m => (s, m)))];
        return settings.Seeds.Select<int, Action<Experiment>>(seed => experiment => Prepare(experiment, comparison, methods, seed))
            .Concat(runs.Select<(int Seed, Method Method), Action<Experiment>>(
                (run, i) => experiment => Finish(experiment, comparison, place, i, run.Seed, run.Method)));
    }

    private void Prepare(Experiment experiment, Comparison comparison, Method[] methods, int seed)
    {
        if (methods.Any(m => _kept.Read(comparison, seed, m) is null))
            _ = PairsOf(experiment, comparison, seed);
    }

    private SeedPairs PairsOf(Experiment experiment, Comparison comparison, int seed)
        => _pairs.GetOrAdd((comparison.Data, seed), _ => new Lazy<SeedPairs>(() => experiment.Prepare(
            comparison, comparisons.Where(c => c.Data == comparison.Data).SelectMany(c => c.Choose(settings.Methods)), seed))).Value;

    private void Finish(Experiment experiment, Comparison comparison, int place, int run, int seed, Method method)
    {
        Curve? curve = _kept.Read(comparison, seed, method);
        if (curve is null)
        {
            curve = experiment.Run(method, PairsOf(experiment, comparison, seed));
            _kept.Write(comparison, seed, method, curve);
            Console.WriteLine($"{comparison.Name}, seed {seed}, {method.Name}\n    {curve}");
        }

        lock (_finished)
        {
            _curves[place][run] = curve;
            while (_finished.Count < comparisons.Length && _curves[_finished.Count].All(c => c is not null))
                Show(comparisons[_finished.Count], _curves[_finished.Count]);
        }
    }

    private void Show(Comparison comparison, Curve?[] curves)
    {
        SeedData first = comparison.Draw(settings.Seeds[0], settings.Pairs, settings.HeldOutSubjects);
        _finished.Add(new Finished(comparison, new Results(comparison.Choose(settings.Methods), [.. curves.OfType<Curve>()]), first));
        Report.Write(_finished, settings);
        Console.WriteLine($"\n{Report.Tables(_finished[^1])}");
    }
}
