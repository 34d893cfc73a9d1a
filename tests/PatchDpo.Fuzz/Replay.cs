namespace PatchDpo.Fuzz;

/// <summary>Gives files as they are to the readers that their endings tell, and judges them as changed inputs are judged.</summary>
internal sealed class Replay(IReadOnlyList<Target> targets, Watchdog watchdog)
{
    private static readonly Dictionary<string, string[]> Readers = new(StringComparer.Ordinal)
    {
        [".safetensors"] = ["safetensors", "safetensors-mapped"],
        [".pth"] = ["torch-zip"],
        [".pkl"] = ["quality-map"],
        [".json"] = ["any"],
        [".onnx"] = ["onnx"],
    };

    /// <summary>Prints a line for each file and reader: the exception's type, or "accepted", and what is wrong with that.</summary>
    /// <param name="from">The folder of the files; other endings are passed over.</param>
    /// <param name="folder">Where each is put while it is read.</param>
    /// <returns>The number of findings.</returns>
    public int Run(string from, string folder)
    {
        int findings = 0;
        foreach (string file in Directory.EnumerateFiles(from).Order(StringComparer.Ordinal))
        {
            Sample sample = new(new Sample.File(Path.GetFileName(file), File.ReadAllBytes(file)));
            foreach (Target target in targets.Where(t => Readers.GetValueOrDefault(Path.GetExtension(file), []).Contains(t.Name)))
            {
                watchdog.Begin();
                Verdict verdict = target.Try(sample, folder);
                watchdog.End();
                findings += verdict.Fault is null ? 0 : 1;
                Console.WriteLine($"{Path.GetFileName(file)}, {target.Name}: {verdict.Error?.GetType().Name ?? "accepted"}{(verdict.Fault is null ? "" : $" FINDING {verdict.Fault}")}");
            }
        }
        return findings;
    }
}
