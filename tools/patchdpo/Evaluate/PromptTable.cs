using PatchDpo.Tool.Shared;
using PatchDpo.Torch.Foundation;

namespace PatchDpo.Tool.Evaluate;

/// <summary>Reads prompts of images from a tab-separated file with the columns File and Prompt.</summary>
internal static class PromptTable
{
    /// <summary>The prompts by the files' paths, with '/'.</summary>
    /// <exception cref="InputException">A column is missing, a line has another number of fields or no prompt, or a file appears twice.</exception>
    public static IReadOnlyDictionary<string, string> Read(string path)
    {
        using var reader = new StreamReader(RegularFile.OpenRead(path, kind => new InputException($"'{path}': this is {kind}, not a file of prompts.")));
        string[] header = (reader.ReadLine() ?? "").Split('\t');
        int file = Array.IndexOf(header, "File"), prompt = Array.IndexOf(header, "Prompt");
        if (file < 0 || prompt < 0)
            throw new InputException($"'{path}': the header has no column '{(file < 0 ? "File" : "Prompt")}'; columns are separated by tabs.");
        Dictionary<string, string> prompts = new(StringComparer.Ordinal);
        for (int line = 2; reader.ReadLine() is string text; line++)
        {
            string[] fields = text.Split('\t');
            if (text.Length > 0 && fields.Length != header.Length)
                throw new InputException($"'{path}', line {line}: {fields.Length} fields, but the header names {header.Length}.");
            if (text.Length > 0 && string.IsNullOrWhiteSpace(fields[prompt]))
                throw new InputException($"'{path}', line {line}, column 'Prompt': the prompt of '{fields[file]}' is empty.");
            if (text.Length > 0 && !prompts.TryAdd(fields[file].Replace('\\', '/'), fields[prompt]))
                throw new InputException($"'{path}', line {line}: '{fields[file]}' appears twice.");
        }
        return prompts;
    }
}
