using System.Diagnostics;
using PatchDpo.Fuzz.Mutations;

namespace PatchDpo.Fuzz;

/// <summary>Feeds one reader with changed inputs; the same seed gives the same inputs.</summary>
/// <remarks>
/// An input whose outcome has not been seen before is changed further, so that changes pile up on those that led to new paths:
/// without instrumentation, the message is the trace of the path. Accepted ones come first, for a broken input hides what follows.
/// </remarks>
internal sealed class Fuzzer(Target target, int seed, Watchdog watchdog, FindingLog findings)
{
    private const int MaxChanges = 4, MaxCorpus = 2000, MaxFileLength = 12_288;

    private const double FromSound = 0.8, OneMoreChange = 0.4;

    private static readonly TimeSpan Every = TimeSpan.FromSeconds(10);

    private readonly Random _random = new(seed);
    private readonly List<Sample> _sound = [.. target.Corpus];
    private readonly List<Sample> _broken = [];
    private readonly HashSet<string> _signatures = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, long> _rejected = new(StringComparer.Ordinal);
    private long _inputs, _accepted;

    /// <summary>Runs until the count or the time is reached.</summary>
    public Tally Run(long count, TimeSpan time, string folder)
    {
        int before = findings.Count;
        foreach (Sample sample in target.Corpus)
            CheckSound(sample, folder);
        Stopwatch clock = Stopwatch.StartNew();
        TimeSpan next = Every;
        while (_inputs < count && clock.Elapsed < time)
        {
            Sample sample = Change();
            watchdog.Begin();
            Verdict verdict = target.Try(sample, folder);
            watchdog.End();
            Count(verdict);
            if (verdict.Fault is not null)
                findings.Add(target, sample, verdict, seed, _inputs);
            else if (_signatures.Add(verdict.Signature))
                Keep(verdict.Error is null ? _sound : _broken, sample);
            if (clock.Elapsed >= next)
            {
                next += Every;
                Console.WriteLine($"  {target.Name}: {_inputs} inputs, {_accepted} accepted, {_signatures.Count} kinds of outcome, {findings.Count - before} findings, {_inputs / clock.Elapsed.TotalSeconds:f0} inputs/s");
            }
        }
        return new Tally(target.Name, _inputs, _accepted, _rejected, _signatures, findings.Count - before, clock.Elapsed);
    }

    // A corpus that is refused would test the first check only. The first round also loads and compiles what is needed.
    private void CheckSound(Sample sample, string folder)
    {
        target.Try(sample, folder);
        Verdict verdict = target.Try(sample, folder);
        if (verdict.Error is not null || verdict.Fault is not null)
            throw new InvalidOperationException($"An input of {target.Name}'s own corpus is not sound: {verdict.Fault} {verdict.Error}");
    }

    private Sample Pick()
    {
        List<Sample> from = _broken.Count == 0 || _random.NextDouble() < FromSound ? _sound : _broken;
        return from[_random.Next(from.Count)];
    }

    // The first ones stay: they are the corpus.
    private void Keep(List<Sample> samples, Sample sample)
    {
        if (samples.Count < MaxCorpus)
            samples.Add(sample);
        else
            samples[_random.Next(target.Corpus.Count, MaxCorpus)] = sample;
    }

    private Sample Change()
    {
        Sample sample = Pick();
        for (int i = 0; i < MaxChanges && (i == 0 || _random.NextDouble() < OneMoreChange); i++)
        {
            int file = _random.Next(3) == 0 ? _random.Next(sample.Files.Length) : 0;
            Sample other = Pick();
            byte[] partner = other.Files[Math.Min(file, other.Files.Length - 1)].Bytes;
            IReadOnlyList<Mutation> mutations = target.Mutations.Count == 0 || _random.Next(3) == 0 ? ByteMutations.All : target.Mutations;
            byte[] changed = mutations[_random.Next(mutations.Count)](sample.Files[file].Bytes, partner, _random);
            sample = sample.With(file, changed.Length <= MaxFileLength ? changed : changed[..MaxFileLength]);
        }
        return sample;
    }

    private void Count(Verdict verdict)
    {
        _inputs++;
        if (verdict.Error is null)
            _accepted++;
        else
            _rejected[verdict.Error.GetType().Name] = _rejected.GetValueOrDefault(verdict.Error.GetType().Name) + 1;
    }
}
