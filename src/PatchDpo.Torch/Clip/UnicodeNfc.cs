using System.Globalization;
using System.Text;

namespace PatchDpo.Torch.Clip;

/// <summary>Unicode normalisation form C (canonical decomposition, then composition).</summary>
/// <remarks>
/// <c>string.Normalize</c> asks the system's ICU, and gives the text back unchanged where .NET runs in globalization-invariant
/// mode; token ids must not depend on that. Source: Unicode Standard Annex 15; data: the embedded UnicodeCanonical.txt.
/// </remarks>
internal static class UnicodeNfc
{
    // Below this code point every character is its own normal form, and none combines.
    private const char FirstCombining = '\u0300';
    private const int HangulBase = 0xAC00, LeadBase = 0x1100, VowelBase = 0x1161, TrailBase = 0x11A7;
    private const int Leads = 19, Vowels = 21, Trails = 28;

    private static readonly Dictionary<int, int[]> Decompositions = [];
    private static readonly Dictionary<(int First, int Second), int> Compositions = [];
    private static readonly Dictionary<int, int> Classes = [];

    static UnicodeNfc()
    {
        using Stream stream = typeof(UnicodeNfc).Assembly.GetManifestResourceStream("UnicodeCanonical.txt")!;
        using StreamReader reader = new(stream);
        while (reader.ReadLine() is string line)
        {
            if (line[0] == '@')
                AddClass(line[1..].Split(' '));
            else if (line[0] != '#')
                AddDecomposition(line);
        }
    }

    /// <summary>The text's normal form; unpaired surrogates become U+FFFD.</summary>
    public static string Normalize(string text)
    {
        if (text.AsSpan().IndexOfAnyInRange(FirstCombining, char.MaxValue) < 0)
            return text;
        var points = new List<int>(text.Length);
        foreach (Rune rune in text.EnumerateRunes())
            Decompose(rune.Value, points);
        Reorder(points);
        Compose(points);
        var result = new StringBuilder(text.Length);
        foreach (int point in points)
            result.Append(new Rune(point));
        return result.ToString();
    }

    private static void Decompose(int point, List<int> into)
    {
        int hangul = point - HangulBase;
        if (hangul is >= 0 and < Leads * Vowels * Trails)
        {
            into.Add(LeadBase + (hangul / (Vowels * Trails)));
            into.Add(VowelBase + (hangul / Trails % Vowels));
            if (hangul % Trails != 0)
                into.Add(TrailBase + (hangul % Trails));
        }
        else if (Decompositions.TryGetValue(point, out int[]? parts))
        {
            foreach (int part in parts)
                Decompose(part, into);
        }
        else
        {
            into.Add(point);
        }
    }

    /// <summary>Sorts each run of combining characters by class, keeping the order of equals.</summary>
    private static void Reorder(List<int> points)
    {
        for (int i = 1; i < points.Count; i++)
        {
            int c = Class(points[i]);
            for (int j = i; c != 0 && j > 0 && Class(points[j - 1]) > c; j--)
                (points[j - 1], points[j]) = (points[j], points[j - 1]);
        }
    }

    private static void Compose(List<int> points)
    {
        int starter = -1, lastClass = 0, kept = 0;
        foreach (int point in points.ToArray())
        {
            int c = Class(point);
            // Nothing of the same or a higher class (or no starter again) may stand between a starter and what composes with it.
            bool adjacent = starter >= 0 && (kept - 1 == starter || (lastClass != 0 && lastClass < c));
            if (adjacent && Composite(points[starter], point) is int composite)
            {
                points[starter] = composite;
                continue;
            }
            if (c == 0)
                starter = kept;
            lastClass = c;
            points[kept++] = point;
        }
        points.RemoveRange(kept, points.Count - kept);
    }

    private static int? Composite(int first, int second)
    {
        int lead = first - LeadBase, vowel = second - VowelBase;
        if (lead is >= 0 and < Leads && vowel is >= 0 and < Vowels)
            return HangulBase + (((lead * Vowels) + vowel) * Trails);
        int hangul = first - HangulBase, trail = second - TrailBase;
        if (hangul is >= 0 and < Leads * Vowels * Trails && hangul % Trails == 0 && trail is > 0 and < Trails)
            return first + trail;
        return Compositions.TryGetValue((first, second), out int composite) ? composite : null;
    }

    private static int Class(int point) => Classes.GetValueOrDefault(point);

    private static void AddDecomposition(string line)
    {
        int mark = line.AsSpan().IndexOfAny('=', '~');
        int point = Hex(line[..mark]);
        int[] parts = [.. line[(mark + 1)..].Split(' ').Select(Hex)];
        Decompositions.Add(point, parts);
        if (line[mark] == '=')
            Compositions.Add((parts[0], parts[1]), point);
    }

    private static void AddClass(string[] fields)
    {
        foreach (string range in fields.AsSpan(1))
        {
            int dash = range.IndexOf('-');
            for (int point = Hex(range[..dash]); point <= Hex(range[(dash + 1)..]); point++)
                Classes.Add(point, int.Parse(fields[0], CultureInfo.InvariantCulture));
        }
    }

    private static int Hex(string text) => int.Parse(text, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
}
