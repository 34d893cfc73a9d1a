using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Personalization;

namespace PatchDpo.Torch.DataConstruction;

/// <summary>Reads prompts from a text file: one a line.</summary>
public static class PromptFile
{
    /// <summary>Reads the prompts.</summary>
    /// <param name="path">The file: UTF-8, or any Unicode encoding with a byte order mark.</param>
    /// <param name="maxPromptCharacters">The longest prompt that is accepted.</param>
    /// <returns>At least one prompt, in order; spaces around a line are cut, empty lines are left out.</returns>
    /// <exception cref="PromptFileException">The file is no such text, has no prompt, or a line is too long or has a control character.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static IReadOnlyList<string> Read(string path, int maxPromptCharacters = GenerationOptions.DefaultMaxPromptCharacters)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        string text = TextFile.Read(path, (problem, inner) => new PromptFileException(path, null, problem, inner));
        var prompts = new List<string>();
        int number = 0;
        foreach (ReadOnlySpan<char> line in text.AsSpan().EnumerateLines())
        {
            number++;
            string prompt = line.Trim().ToString();
            if (prompt.Length > maxPromptCharacters)
                throw new PromptFileException(path, number, $"the prompt has {prompt.Length} characters; at most {maxPromptCharacters} are allowed.");
            int control = prompt.AsSpan().IndexOfAnyInRange('\0', '\u001F');
            if (control >= 0)
                throw new PromptFileException(path, number, $"character {control} of the prompt is the control character U+{(int)prompt[control]:X4}.");
            if (prompt.Length > 0)
                prompts.Add(prompt);
        }
        return prompts.Count > 0 ? prompts : throw new PromptFileException(path, null, "the file has no prompt.");
    }
}
