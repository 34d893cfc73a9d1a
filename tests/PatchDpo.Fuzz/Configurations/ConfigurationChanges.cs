using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace PatchDpo.Fuzz.Configurations;

/// <summary>All changes of one field of a configuration: values at and beyond every limit, of every kind, and changes of its own value.</summary>
internal static class ConfigurationChanges
{
    private const int MaxVocabulary = 6;

    private static readonly string[] Values =
    [
        "null", "true", "false", "0", "-0", "1", "-1", "2", "3", "4", "5", "7", "8", "10", "12", "16", "17", "31", "32", "33", "64", "100", "255", "512", "999", "1000", "1001",
        "16384", "16385", "65536", "100000", "1000000", "1048576", "1048577", "16777216", "1000000000", "2147483646", "2147483647", "2147483648", "4294967295", "4294967296",
        "-2147483648", "-2147483647", "-2147483649", "9223372036854775807", "-9223372036854775808", "18446744073709551616", "1000000000000000019884624838656",
        "0.0", "0.5", "1.0", "8.0", "1.5", "-0.5", "1e-12", "1e-30", "1e-45", "1e-300", "1e15", "1e30", "1e38", "3e38", "1e39", "1e300", "1.8e308", "-1e300", "1e400", "NaN", "Infinity", "-Infinity",
        "\"\"", "\"x\"", "\"NaN\"", "\"1\"", "\"null\"", "\"../x\"", "\"\\u0000\"", "\"重み\"",
        "[]", "[0]", "[1]", "[-1]", "[1, 1]", "[2, 2]", "[8, 16]", "[16, 8]", "[1, 2, 3]", "[1000000000, 1000000000]", "[2147483647, 2147483647]", "[null]", "[[1]]", "[1e300]", "[\"x\"]", "[\"x\", \"x\"]",
        "{}", "{\"a\": 1}", "{\"content\": \"<|endoftext|>\"}", "{\"content\": 1}",
        "\"" + new string('x', 10_000) + "\"", Repeated("1", 1000), Repeated("1", 100_000), Repeated("0", 1000), Repeated("0.001", 1000), Repeated(
            "\"DownBlock2D\"", 100_000), Repeated("\"DownEncoderBlock2D\"", 40),
    ];

    /// <summary>The changes, in a fixed order.</summary>
    /// <param name="json">A sound configuration.</param>
    /// <param name="moreFields">Fields that it lacks, each with a sound value.</param>
    public static IEnumerable<ConfigurationChange> Of(string json, IReadOnlyDictionary<string, string> moreFields)
    {
        JsonObject root = JsonNode.Parse(json)!.AsObject();
        foreach (string text in new[] { "", "[]", "1", "null", "\"x\"", "{}", "{", json[..(json.Length / 2)], json + json, new string('[', 1000),
            json.Replace(":", ": 1e999999999999, \"x\":", StringComparison.Ordinal) })
            yield return new ConfigurationChange("(file)", text, Short(text));
        foreach (ConfigurationChange change in Fields(root, root, ""))
            yield return change;
        foreach ((string name, string sound) in moreFields)
        {
            JsonObject with = root.DeepClone().AsObject();
            with[name] = JsonNode.Parse(sound);
            foreach (ConfigurationChange change in Field(with, with, "", name))
                yield return change;
        }
    }

    private static IEnumerable<ConfigurationChange> Fields(JsonObject root, JsonObject at, string prefix)
    {
        // A vocabulary's tokens are alike: the first, the last and some between.
        string[] names = [.. at.Select(p => p.Key)];
        int step = names.Length > 100 ? names.Length / MaxVocabulary : 1;
        foreach (string name in names.Where((_, i) => i % step == 0 || i == names.Length - 1))
        {
            foreach (ConfigurationChange change in Field(root, at, prefix, name))
                yield return change;
            if (at[name] is JsonObject nested)
                foreach (ConfigurationChange change in Fields(root, nested, $"{prefix}{name}."))
                    yield return change;
        }
    }

    private static IEnumerable<ConfigurationChange> Field(JsonObject root, JsonObject at, string prefix, string name)
    {
        JsonNode? before = at[name];
        string sound = before?.ToJsonString() ?? "null", placeholder = Guid.Empty.ToString();
        at[name] = placeholder;
        string template = root.ToJsonString();
        at[name] = before?.DeepClone();
        string quoted = JsonSerializer.Serialize(placeholder), key = JsonSerializer.Serialize(name);
        foreach (string value in Values.Concat(OfItsOwn(before)))
            yield return new ConfigurationChange(prefix + name, template.Replace(quoted, value, StringComparison.Ordinal), Short(value));
        yield return new ConfigurationChange(prefix + name, template.Replace(quoted, $"{sound}, {key}: {sound}", StringComparison.Ordinal), "twice");
        at.Remove(name);
        yield return new ConfigurationChange(prefix + name, root.ToJsonString(), "absent");
        at[name] = before?.DeepClone();
    }

    /// <summary>Neighbours of a field's value, and its array's elements changed.</summary>
    private static IEnumerable<string> OfItsOwn(JsonNode? value)
    {
        if (value is JsonArray array)
        {
            for (int i = 0; i < array.Count; i++)
                foreach (string element in new[] { "0", "-1", "1", "1000000000", "2147483647", "1e300", "null", "\"x\"", "[]" })
                    yield return Joined(array.Select((e, n) => n == i ? element : e?.ToJsonString() ?? "null"));
            string[] elements = [.. array.Select(e => e?.ToJsonString() ?? "null")];
            yield return Joined(elements[1..]);
            yield return Joined([.. elements, elements[^1]]);
            yield return Joined(elements.Reverse());
            yield return Joined(Enumerable.Repeat(elements, 1000).SelectMany(e => e));
        }
        else if (value?.GetValueKind() == JsonValueKind.Number)
        {
            double number = value.GetValue<double>();
            foreach (double other in new[] { number + 1, number - 1, number * 2, number / 2, number * 1000, number * 1e6, -number })
                yield return other.ToString("R", CultureInfo.InvariantCulture);
            string same = number.ToString("R", CultureInfo.InvariantCulture);
            yield return $"\"{same}\"";
            yield return $"[{same}]";
            yield return $"[{same}, {same}]";
        }
        else if (value?.GetValueKind() == JsonValueKind.String)
        {
            string text = value.GetValue<string>();
            yield return JsonSerializer.Serialize(text + " ");
            yield return JsonSerializer.Serialize(text.ToUpperInvariant());
            yield return $"[{JsonSerializer.Serialize(text)}]";
        }
    }

    private static string Repeated(string element, int count) => Joined(Enumerable.Repeat(element, count));

    private static string Joined(IEnumerable<string> elements) => $"[{string.Join(", ", elements)}]";

    private static string Short(string text) => text.Length <= 60 ? text : $"{text[..40]}... ({text.Length} characters)";
}
