using System.Globalization;
using System.Text;
using PatchDpo.Torch.Images;

namespace PatchDpo.Torch.DataConstruction;

/// <summary>The names in a folder of pairs.</summary>
/// <remarks>
/// <para>The official data set class takes every entry of its folder that does not end in .pkl for a sample, and the text before
/// the first underscore of a file for the prompt. So <see cref="Pairs"/> is a folder of its own, which holds nothing else and can
/// be handed to the official script, and file names have no other underscores than the layout's.</para>
/// <para>It also asks for names that end in .png. Where images are written in another format, names are the same but for their ending, and the
/// folder is no official one.</para>
/// </remarks>
internal static class PairLayout
{
    public const string Manifest = "manifest.json";
    public const string Journal = "manifest.partial.jsonl";
    public const string Maps = "maps.safetensors";
    public const string ImagePrompts = "references.jsonl";
    public const string Pairs = "pairs";
    public const string Pickle = "patch_quality.pkl";
    public const string Rejected = "rejected";
    public const string Drawn = "shards";
    public const string SamplePrefix = "sample";
    public const string ReferenceSuffix = ReferenceMark + ".png";
    public const string TemporarySuffix = ".tmp";

    private const string ReferenceMark = "_entity_0";

    // File systems take names of 255 bytes; this leaves room for the suffixes, and for whole paths of 260 characters.
    private const int MaxNameBytes = 100;

    /// <summary>A reference's path below the folder, with slashes.</summary>
    public static string Reference(int sample, string prompt, ImageFormat format)
        => $"{Pairs}/{SamplePrefix}{sample}/{SafeName(prompt)}{ReferenceMark}{format.Ending()}";

    /// <summary>A generated image's path below the folder, with slashes.</summary>
    public static string Generated(int sample, string prompt, int index, ImageFormat format)
        => $"{Pairs}/{SamplePrefix}{sample}/{SafeName(prompt)}{GeneratedSuffix(index, format)}";

    /// <summary>A rejected candidate's path below the folder, with slashes.</summary>
    public static string RejectedCandidate(int candidate, string prompt, ReferenceRejection reason, ImageFormat format)
        => string.Create(CultureInfo.InvariantCulture, $"{Rejected}/{candidate:D5} {SafeName(prompt)} ({reason}){format.Ending()}");

    /// <summary>What follows the prompt in a generated image's name.</summary>
    public static string GeneratedSuffix(int index, ImageFormat format) => string.Create(CultureInfo.InvariantCulture, $"_gen_{index}{format.Ending()}");

    /// <summary>The prompt as a part of a file name that every system takes.</summary>
    /// <remarks>
    /// A hyphen takes the place of what some system refuses or a terminal would not show (<c>&lt; &gt; : " / \ | ? *</c>, control
    /// and formatting characters, half surrogates), of the underscore, which the layout needs itself, and of the dot, before
    /// which Windows keeps names such as CON for itself. Names end after 100 bytes of UTF-8, at a whole character.
    /// </remarks>
    public static string SafeName(string prompt)
    {
        StringBuilder name = new();
        int bytes = 0;
        foreach (Rune rune in prompt.Trim().EnumerateRunes())
        {
            Rune safe = IsSafe(rune) ? rune : new Rune('-');
            bytes += safe.Utf8SequenceLength;
            if (bytes > MaxNameBytes)
                break;
            name.Append(safe.ToString());
        }
        return name.ToString().TrimEnd();
    }

    private static bool IsSafe(Rune rune)
        => rune != Rune.ReplacementChar && !"<>:\"/\\|?*_.".Contains(rune.ToString(), StringComparison.Ordinal)
            && Rune.GetUnicodeCategory(rune) is not (UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator
                or UnicodeCategory.ParagraphSeparator or UnicodeCategory.PrivateUse or UnicodeCategory.OtherNotAssigned);
}
