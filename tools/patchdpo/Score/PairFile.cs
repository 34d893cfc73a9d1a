using PatchDpo.Tool.Shared;
using PatchDpo.Torch.Foundation;

namespace PatchDpo.Tool.Score;

/// <summary>Reads pairs from a tab-separated file.</summary>
internal static class PairFile
{
    public static IReadOnlyList<ImagePair> Read(string path)
    {
        string folder = Path.GetDirectoryName(path)!;
        string[] lines = ReadLines(path);
        string[] header = lines.Length > 0 ? lines[0].Split('\t') : [];
        int reference = Required("ReferencePath"), generated = Required("GeneratedPath"), prompt = Array.IndexOf(header, "Prompt");
        int generatedMask = Array.IndexOf(header, "GeneratedMaskPath"), referenceMask = Array.IndexOf(header, "ReferenceMaskPath");
        var pairs = new List<ImagePair>();
        for (int i = 1; i < lines.Length; i++)
        {
            if (lines[i].Length == 0)
                continue;
            string[] fields = lines[i].Split('\t');
            if (fields.Length != header.Length)
                throw new InputException($"'{path}', line {i + 1}: {fields.Length} fields, but the header names {header.Length}.");
            pairs.Add(new ImagePair
            {
                ReferencePath = Existing(fields, reference, i),
                GeneratedPath = Existing(fields, generated, i),
                Prompt = prompt >= 0 ? fields[prompt] : "",
                GeneratedMaskPath = generatedMask >= 0 ? Existing(fields, generatedMask, i) : "",
                ReferenceMaskPath = referenceMask >= 0 ? Existing(fields, referenceMask, i) : "",
            });
        }

        return pairs.Count > 0 ? pairs : throw new InputException($"'{path}' names no pair.");

        int Required(string column)
        {
            int index = Array.IndexOf(header, column);
            return index >= 0 ? index : throw new InputException($"'{path}': the header has no column '{column}'; columns are separated by tabs.");
        }

        string Existing(string[] fields, int column, int line)
        {
            string full = Path.GetFullPath(fields[column], folder);
            return fields[column].Length > 0 && File.Exists(full) ? full
                : throw new InputException($"'{path}', line {line + 1}, column '{header[column]}': there is no file '{full}'.");
        }
    }

    private static string[] ReadLines(string path)
    {
        using var reader = new StreamReader(RegularFile.OpenRead(path, kind => new InputException($"'{path}': this is {kind}, not a file of pairs.")));
        List<string> lines = [];
        while (reader.ReadLine() is string line)
            lines.Add(line);
        return [.. lines];
    }
}
