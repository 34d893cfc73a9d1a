using System.Text;

namespace PatchDpo.Fuzz;

/// <summary>Writes findings down: one file (or folder, for sharded inputs) and its text for each kind.</summary>
internal sealed class FindingLog(string folder)
{
    private readonly HashSet<string> _seen = new(StringComparer.Ordinal);

    /// <summary>Number of findings, those of a kind seen before included.</summary>
    public int Count { get; private set; }

    /// <summary>Takes a finding.</summary>
    public void Add(Target target, Sample sample, Verdict verdict, int seed, long input)
    {
        Count++;
        string frame = verdict.Error?.StackTrace?.Split('\n').FirstOrDefault() ?? "";
        if (!_seen.Add($"{target.Name} {verdict.Fault!.Split(':')[0]} {frame}"))
            return;
        string name = $"{target.Name}-{_seen.Count:d3}", path = Path.Combine(folder, name);
        Directory.CreateDirectory(folder);
        if (sample.Files.Length == 1)
            File.WriteAllBytes(path, sample.Files[0].Bytes);
        else
            sample.WriteTo(Directory.CreateDirectory(path).FullName);
        string text = new StringBuilder()
            .AppendLine($"{verdict.Fault} (reader {target.Name}, seed {seed}, input {input})")
            .AppendLine($"{verdict.Error}")
            .ToString();
        File.WriteAllText(path + ".txt", text);
        Console.WriteLine($"FINDING {name}: {text}");
    }
}
