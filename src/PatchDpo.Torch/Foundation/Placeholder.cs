namespace PatchDpo.Torch.Foundation;

/// <summary>Texts that stand in a downloaded file's place.</summary>
internal static class Placeholder
{
    /// <summary>What a text is, as the end of a sentence with the next step; null where it is no placeholder.</summary>
    /// <param name="text">The file's beginning, without a byte order mark and blanks before it.</param>
    /// <param name="wanted">What should stand there: "file", "image".</param>
    public static string? Describe(string text, string wanted)
    {
        if (text.StartsWith("version https://git-lfs", StringComparison.Ordinal))
            return $"this is a Git LFS pointer, which stands for the {wanted}: run 'git lfs pull' in its repository, or download the {wanted} itself.";
        if (text.StartsWith("<!doctype html", StringComparison.OrdinalIgnoreCase) || text.StartsWith("<html", StringComparison.OrdinalIgnoreCase))
        {
            return $"this is an HTML page: a web page was saved in place of the {wanted}; download it by its direct link "
                + "(on Hugging Face the one with 'resolve', not 'blob').";
        }
        return text.StartsWith('<')
            ? $"this is an XML document, such as a server sends in place of a file that it refuses; download the {wanted} again."
            : null;
    }
}
