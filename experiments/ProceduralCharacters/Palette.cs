namespace ProceduralCharacters;

/// <summary>The colours of parts (jittered, so that no two characters share them exactly) and the named colours of prompts.</summary>
public static class Palette
{
    private static readonly (string Name, int Color)[] s_parts =
    [
        ("red", 0xE03C3C), ("orange", 0xF08A24), ("yellow", 0xF6D02F), ("lime", 0x9BD23C), ("green", 0x2E9E4F), ("teal", 0x27B5A8), ("sky", 0x5CC3F0),
        ("blue", 0x2F62D8), ("purple", 0x7A48C8), ("magenta", 0xD64BC0), ("pink", 0xF59AB8), ("brown", 0x8A5A34), ("white", 0xF4F1E6), ("gray", 0x4A4A55),
    ];

    /// <summary>Colours that a prompt can name.</summary>
    public static IReadOnlyList<(string Name, int Color)> Named { get; } =
    [
        ("red", 0xE02828), ("yellow", 0xFFDC28), ("green", 0x1FA03C), ("blue", 0x2858E8), ("purple", 0x8A3CD0), ("white", 0xFAFAFA),
    ];

    /// <summary>The RGB value of a named colour.</summary>
    public static int ByName(string name) => Named.First(c => c.Name == name).Color;

    /// <summary>The word for a part's colour.</summary>
    public static string NameOf(int color) => s_parts.MinBy(p => Distance(p.Color, color)).Name;

    /// <summary>Distinct palette colours, jittered: neighbouring parts never look alike by chance.</summary>
    internal static int[] Draw(Random random, int count)
    {
        int[] order = Enumerable.Range(0, s_parts.Length).ToArray();
        random.Shuffle(order);
        return Enumerable.Range(0, count).Select(i => Jitter(s_parts[order[i % order.Length]].Color, random)).ToArray();
    }

    /// <summary>A palette colour that is clearly not <paramref name="color"/>.</summary>
    internal static int Other(int color, Random random)
    {
        while (true)
        {
            int candidate = Jitter(s_parts[random.Next(s_parts.Length)].Color, random);
            if (Distance(color, candidate) > 0.35)
                return candidate;
        }
    }

    /// <summary>Euclidean distance in RGB, each channel 0..1.</summary>
    public static double Distance(int a, int b)
    {
        double sum = 0;
        for (int shift = 0; shift <= 16; shift += 8)
        {
            double d = (((a >> shift) & 255) - ((b >> shift) & 255)) / 255.0;
            sum += d * d;
        }

        return Math.Sqrt(sum);
    }

    private static int Jitter(int color, Random random)
    {
        int result = 0;
        for (int shift = 0; shift <= 16; shift += 8)
            result |= Math.Clamp(((color >> shift) & 255) + random.Next(-12, 13), 0, 255) << shift;
        return result;
    }
}
