namespace PatchDpo.Torch.Models;

/// <summary>Reads of configuration fields that models share.</summary>
internal static class ConfigFields
{
    /// <summary>The largest width, vocabulary or length: several times the largest published one, and products of two stay within 64 bits.</summary>
    public const int MaxSize = 1 << 20;

    /// <summary>The largest side of an image, in pixels: a table of positions has less than 2^31 entries.</summary>
    public const int MaxSide = 1 << 14;

    /// <summary>The most layers; the deepest published model has some dozens.</summary>
    public const int MaxLayers = 1000;

    /// <summary>The most resolutions, each of half the size of the one before.</summary>
    public const int MaxLevels = 16;

    /// <summary>A positive integer; where a default is given, the field may be missing.</summary>
    /// <param name="json">The configuration.</param>
    /// <param name="name">The field.</param>
    /// <param name="defaultValue">Its value where it is missing.</param>
    /// <param name="max">The largest value that is believed.</param>
    /// <exception cref="ModelConfigException">The field is missing, or not such an integer.</exception>
    public static int GetPositive(this ModelConfig json, string name, int? defaultValue = null, int max = MaxSize)
    {
        int value = defaultValue is int d ? json.GetInt32(name, d) : json.GetInt32(name);
        return value <= 0 ? throw json.Fault(name, $"expected a positive number, found {value}.")
            : value > max ? throw json.Fault(name, $"{value} is more than the {max} that are supported.")
            : value;
    }

    /// <summary>A positive number within a range; where a default is given, the field may be missing.</summary>
    /// <param name="json">The configuration.</param>
    /// <param name="name">The field.</param>
    /// <param name="defaultValue">Its value where it is missing.</param>
    /// <param name="min">The smallest value that float32 can compute with.</param>
    /// <param name="max">The largest value that is believed.</param>
    /// <exception cref="ModelConfigException">The field is missing, or not such a number.</exception>
    public static double GetPositiveNumber(this ModelConfig json, string name, double? defaultValue = null, double min = 1e-30, double max = 1e6)
    {
        double value = defaultValue is double d ? json.GetDouble(name, d) : json.GetDouble(name);
        return value >= min && value <= max ? value : throw json.Fault(name, $"expected a positive number ({min:g} to {max:g}), found {value:g}.");
    }

    /// <summary>The epsilon of a normalisation, positive and at most 1; where a default is given, the field may be missing.</summary>
    /// <exception cref="ModelConfigException">The field is missing, or not such a number.</exception>
    public static double GetEpsilon(this ModelConfig json, string name, double? defaultValue = null) => json.GetPositiveNumber(name, defaultValue, max: 1);

    /// <summary>Checks that the file, where it says what it describes, describes one of the given kinds.</summary>
    /// <exception cref="ModelConfigException">It describes something else.</exception>
    public static void RequireKind(this ModelConfig json, string name, params ReadOnlySpan<string> kinds)
    {
        if (json.Has(name) && !kinds.Contains(json.GetString(name)))
            throw json.Fault(name, $"'{json.GetString(name)}' is not supported here, only {string.Join(", ", kinds.ToArray().Select(k => $"'{k}'"))}.");
    }

    /// <summary>A positive integer, or two equal ones (height and width); where a default is given, the field may be missing.</summary>
    /// <exception cref="ModelConfigException">The field is missing, not a positive integer, or two that differ.</exception>
    public static int GetSide(this ModelConfig json, string name, int? defaultValue = null)
    {
        if (defaultValue is int d && !json.Has(name))
            return d;
        int[] sides = json.GetInt32Array(name, 2);
        if (sides[0] <= 0 || sides[0] != sides[1])
            throw json.Fault(name, $"expected one positive size, found {sides[0]} x {sides[1]}.");
        return sides[0] <= MaxSide ? sides[0] : throw json.Fault(name, $"{sides[0]} pixels are more than the {MaxSide} that are supported.");
    }

    /// <summary>Checks that the attention heads divide the width.</summary>
    /// <exception cref="ModelConfigException">They do not.</exception>
    public static int GetHeads(this ModelConfig json, string name, int width, int? defaultValue = null)
    {
        int heads = json.GetPositive(name, defaultValue);
        return width % heads == 0 ? heads : throw json.Fault(name, $"{heads} heads do not divide a width of {width}.");
    }

    /// <summary>One of the given words, as the value that it stands for; where a default is given, the field may be missing.</summary>
    /// <exception cref="ModelConfigException">The field is another word.</exception>
    public static T GetChoice<T>(this ModelConfig json, string name, string? defaultWord, params ReadOnlySpan<(string Word, T Value)> choices)
    {
        string word = defaultWord is null ? json.GetString(name) : json.GetString(name, defaultWord);
        foreach ((string candidate, T value) in choices)
            if (candidate == word)
                return value;
        var words = new List<string>();
        foreach ((string candidate, _) in choices)
            words.Add($"'{candidate}'");
        throw json.Fault(name, $"'{word}' is not supported, only {string.Join(", ", words)}.");
    }
}
