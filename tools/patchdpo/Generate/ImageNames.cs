using System.Text;
using PatchDpo.Torch.Images;

namespace PatchDpo.Tool.Generate;

/// <summary>Saves images under their prompts' names, and never over a file that is there.</summary>
internal sealed class ImageNames(string folder, ImageFormat format)
{
    // File systems take 255 bytes; the rest is for the number and the ending.
    private const int MaxBytes = 200;

    // What some file system forbids, whichever this one is.
    private const string Forbidden = "<>:\"/\\|?*";

    /// <summary>Saves as <c>prompt.png</c>, or as <c>prompt_2.png</c> and on where that is taken; with the format's own ending.</summary>
    /// <returns>The file.</returns>
    public string Save(string prompt, ImageBuffer image)
    {
        string name = FileName(prompt);
        for (int number = 1; ; number++)
        {
            string path = Path.Combine(folder, number == 1 ? name + format.Ending() : $"{name}_{number}{format.Ending()}");
            if (Path.Exists(path))
                continue;
            ImageFile.Save(path, image, format);
            return path;
        }
    }

    private static string FileName(string prompt)
    {
        var name = new StringBuilder();
        int bytes = 0;
        foreach (Rune rune in prompt.EnumerateRunes())
        {
            if ((bytes += rune.Utf8SequenceLength) > MaxBytes)
                break;
            name.Append(Rune.IsControl(rune) || (rune.IsBmp && Forbidden.Contains((char)rune.Value)) ? "_" : rune.ToString());
        }
        // A leading dot would hide the file; Windows drops trailing dots and spaces.
        string trimmed = name.ToString().Trim(' ', '.');
        return trimmed.Length > 0 ? trimmed : "image";
    }
}
