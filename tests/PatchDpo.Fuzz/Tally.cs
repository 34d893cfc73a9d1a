namespace PatchDpo.Fuzz;

/// <summary>What came of one reader's inputs.</summary>
internal sealed record Tally(string Reader, long Inputs, long Accepted, IReadOnlyDictionary<string, long> Rejected, IReadOnlyCollection<string> Outcomes,
    int Findings, TimeSpan Time)
{
    /// <summary>Prints a table.</summary>
    public static void Print(IEnumerable<Tally> tallies)
    {
        Console.WriteLine($"{"reader",-14} {"inputs",10} {"accepted",10} {"findings",9} {"outcomes",9} {"inputs/s",9}  rejected by");
        foreach (Tally t in tallies)
            Console.WriteLine($"{t.Reader,-14} {t.Inputs,10} {t.Accepted,10} {t.Findings,9} {t.Outcomes.Count,9} {t.Inputs / Math.Max(t.Time.TotalSeconds, 1e-3),9:f0}  {string.Join(", ", t.Rejected.Select(r => $"{r.Key} {r.Value}"))}");
    }
}
