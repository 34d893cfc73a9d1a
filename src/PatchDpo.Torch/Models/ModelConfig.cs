using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Weights;

namespace PatchDpo.Torch.Models;

/// <summary>A JSON object with a model's configuration; every fault names the file and the field.</summary>
/// <remarks>
/// Python writes infinite numbers as bare words (diffusers' <c>"lambda_min_clipped": -Infinity</c>), which JSON has not: they are taken as numbers.
/// </remarks>
public sealed partial class ModelConfig
{
    private const long MaxFileLength = 1 << 27;

    private readonly JsonElement _root;
    private readonly string _prefix;

    private ModelConfig(string source, JsonElement root, string prefix)
    {
        Source = source;
        _root = root;
        _prefix = prefix;
    }

    /// <summary>The file (or the name of the text) that the configuration came from.</summary>
    public string Source { get; }

    /// <summary>The names of the object's fields, in order.</summary>
    public IEnumerable<string> Names => _root.EnumerateObject().Select(p => p.Name);

    /// <summary>Reads a JSON file.</summary>
    /// <exception cref="ModelConfigException">The file is not a JSON object, or has more than 128 MiB.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static ModelConfig Read(string path)
    {
        using FileStream file = RegularFile.OpenRead(path, kind => new ModelConfigException(path, null, $"this is {kind}, not a configuration."));
        if (file.Length > MaxFileLength)
            throw new ModelConfigException(path, null, $"the file has more than {MaxFileLength} bytes; a configuration or vocabulary has a few million.");
        try
        {
            using StreamReader reader = new(file, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true));
            return Parse(reader.ReadToEnd(), path);
        }
        catch (DecoderFallbackException e)
        {
            throw new ModelConfigException(path, null, "the file is not valid UTF-8.", e);
        }
        catch (ModelConfigException e) when (e.InnerException is JsonException && ForeignFile.DescribePlaceholder(path) is string what)
        {
            throw new ModelConfigException(path, null, $"not valid JSON: {what}", e);
        }
    }

    /// <summary>Parses JSON text.</summary>
    /// <param name="json">The text.</param>
    /// <param name="source">The text's name, for messages.</param>
    /// <exception cref="ModelConfigException">The text is not a JSON object.</exception>
    public static ModelConfig Parse(string json, string source)
    {
        ArgumentNullException.ThrowIfNull(json);
        try
        {
            using JsonDocument document = JsonDocument.Parse(WithoutBareWords(json), new JsonDocumentOptions { AllowDuplicateProperties = false });
            return document.RootElement.ValueKind == JsonValueKind.Object
                ? new ModelConfig(source, document.RootElement.Clone(), "")
                : throw new ModelConfigException(source, null, $"expected a JSON object, found {document.RootElement.ValueKind}.");
        }
        catch (JsonException e)
        {
            throw new ModelConfigException(source, null, $"not valid JSON: {e.Message}", e);
        }
    }

    /// <summary>Whether a field is there and not null.</summary>
    public bool Has(string name) => _root.TryGetProperty(name, out JsonElement value) && value.ValueKind != JsonValueKind.Null;

    /// <summary>Whether a field is there and is a nested object.</summary>
    public bool IsObject(string name) => _root.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.Object;

    /// <summary>Whether a field is there and is false.</summary>
    internal bool IsFalse(string name) => _root.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.False;

    /// <summary>All fields of an object of 32-bit integers, such as a vocabulary, in order.</summary>
    /// <exception cref="ModelConfigException">A field is not a 32-bit integer.</exception>
    internal IEnumerable<(string Name, int Value)> GetInt32Fields() => _root.EnumerateObject().Select(p => (p.Name, ToInt32(p.Value, p.Name)));

    /// <summary>A 32-bit integer.</summary>
    /// <exception cref="ModelConfigException">The field is missing, null or not a 32-bit integer.</exception>
    public int GetInt32(string name) => ToInt32(Require(name), name);

    /// <summary>A 32-bit integer, or the default where the field is missing or null.</summary>
    /// <exception cref="ModelConfigException">The field is not a 32-bit integer.</exception>
    public int GetInt32(string name, int defaultValue) => Has(name) ? GetInt32(name) : defaultValue;

    /// <summary>A number.</summary>
    /// <exception cref="ModelConfigException">The field is missing, null or not a number.</exception>
    public double GetDouble(string name)
    {
        JsonElement value = Require(name);
        return value.ValueKind switch
        {
            JsonValueKind.Number => value.GetDouble(),
            JsonValueKind.String when value.GetString() is "Infinity" => double.PositiveInfinity,
            JsonValueKind.String when value.GetString() is "-Infinity" => double.NegativeInfinity,
            JsonValueKind.String when value.GetString() is "NaN" => double.NaN,
            _ => throw Wrong(name, "a number", value),
        };
    }

    /// <summary>A number, or the default where the field is missing or null.</summary>
    /// <exception cref="ModelConfigException">The field is not a number.</exception>
    public double GetDouble(string name, double defaultValue) => Has(name) ? GetDouble(name) : defaultValue;

    /// <summary>A string.</summary>
    /// <exception cref="ModelConfigException">The field is missing, null or not a string.</exception>
    public string GetString(string name) => ToText(Require(name), name);

    /// <summary>A string, or the default where the field is missing or null.</summary>
    /// <exception cref="ModelConfigException">The field is not a string.</exception>
    public string GetString(string name, string defaultValue) => Has(name) ? GetString(name) : defaultValue;

    /// <summary>A boolean.</summary>
    /// <exception cref="ModelConfigException">The field is missing, null or not a boolean.</exception>
    public bool GetBoolean(string name)
    {
        JsonElement value = Require(name);
        return value.ValueKind is JsonValueKind.True or JsonValueKind.False ? value.GetBoolean() : throw Wrong(name, "true or false", value);
    }

    /// <summary>A boolean, or the default where the field is missing or null.</summary>
    /// <exception cref="ModelConfigException">The field is not a boolean.</exception>
    public bool GetBoolean(string name, bool defaultValue) => Has(name) ? GetBoolean(name) : defaultValue;

    /// <summary>An array of 32-bit integers of any length.</summary>
    /// <exception cref="ModelConfigException">The field is missing, null or not such an array.</exception>
    public int[] GetInt32Array(string name)
    {
        JsonElement value = Require(name);
        return value.ValueKind == JsonValueKind.Array
            ? [.. value.EnumerateArray().Select((e, i) => ToInt32(e, $"{name}[{i}]"))]
            : throw Wrong(name, "an array of integers", value);
    }

    /// <summary>An array of <paramref name="count"/> 32-bit integers; a single number is repeated.</summary>
    /// <exception cref="ModelConfigException">The field is missing, null or not such an array.</exception>
    public int[] GetInt32Array(string name, int count)
    {
        if (Require(name).ValueKind == JsonValueKind.Number)
            return [.. Enumerable.Repeat(GetInt32(name), count)];
        int[] values = GetInt32Array(name);
        return values.Length == count
            ? values
            : throw new ModelConfigException(Source, _prefix + name, $"expected {count} values, found {values.Length}.");
    }

    /// <summary>An array of numbers of any length.</summary>
    /// <exception cref="ModelConfigException">The field is missing, null or not such an array.</exception>
    public double[] GetDoubleArray(string name)
    {
        JsonElement value = Require(name);
        return value.ValueKind == JsonValueKind.Array
            ? [.. value.EnumerateArray().Select((e, i) => e.ValueKind == JsonValueKind.Number ? e.GetDouble() : throw Wrong($"{name}[{i}]", "a number", e))]
            : throw Wrong(name, "an array of numbers", value);
    }

    /// <summary>An array of strings.</summary>
    /// <exception cref="ModelConfigException">The field is missing, null or not such an array.</exception>
    public string[] GetStringArray(string name)
    {
        JsonElement value = Require(name);
        return value.ValueKind == JsonValueKind.Array
            ? [.. value.EnumerateArray().Select((e, i) => ToText(e, $"{name}[{i}]"))]
            : throw Wrong(name, "an array of strings", value);
    }

    /// <summary>The items of an array that holds texts, lists of texts and objects.</summary>
    /// <exception cref="ModelConfigException">The field is missing, null or not such an array.</exception>
    internal IEnumerable<ConfigItem> GetItems(string name)
    {
        JsonElement array = Require(name);
        if (array.ValueKind != JsonValueKind.Array)
            throw Wrong(name, "an array", array);
        return array.EnumerateArray().Select((e, i) => e.ValueKind switch
        {
            JsonValueKind.Object => new ConfigItem([], new ModelConfig(Source, e, $"{_prefix}{name}[{i}].")),
            JsonValueKind.Array => new ConfigItem([.. e.EnumerateArray().Select((t, k) => ToText(t, $"{name}[{i}][{k}]"))], null),
            _ => new ConfigItem([ToText(e, $"{name}[{i}]")], null),
        });
    }

    /// <summary>A nested object.</summary>
    /// <exception cref="ModelConfigException">The field is missing, null or not an object.</exception>
    public ModelConfig GetObject(string name)
    {
        JsonElement value = Require(name);
        return value.ValueKind == JsonValueKind.Object
            ? new ModelConfig(Source, value, $"{_prefix}{name}.")
            : throw Wrong(name, "an object", value);
    }

    // Few files have such words, and a long one is not worth taking apart for none.
    private static string WithoutBareWords(string json)
        => !json.Contains("Infinity", StringComparison.Ordinal) && !json.Contains("NaN", StringComparison.Ordinal)
        ? json
        : StringOrNonFinite().Replace(json, m => m.Value[0] == '"' ? m.Value : $"\"{m.Value}\"");

    // A whole string literal, so that words inside strings stay as they are, or a bare word.
    [GeneratedRegex("""
        "(?:\\.|[^"\\])*"|-?Infinity|NaN
        """, RegexOptions.CultureInvariant)]
    private static partial Regex StringOrNonFinite();

    /// <summary>An exception that names the file and the field, for a value that the model cannot take.</summary>
    /// <param name="name">The field.</param>
    /// <param name="problem">What is wrong, as the end of a sentence.</param>
    public ModelConfigException Fault(string name, string problem) => new(Source, _prefix + name, problem);

    private JsonElement Require(string name) => Has(name)
        ? _root.GetProperty(name)
        : throw new ModelConfigException(Source, _prefix + name, "the field is missing or null.");

    private int ToInt32(JsonElement value, string name) => value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out int number)
        ? number
        : throw Wrong(name, "a 32-bit integer", value);

    private string ToText(JsonElement value, string name)
    {
        if (value.ValueKind != JsonValueKind.String)
            throw Wrong(name, "a string", value);
        try
        {
            return value.GetString()!;
        }
        catch (InvalidOperationException)
        {
            // Half of a surrogate pair, escaped.
            throw Wrong(name, "a string of whole characters", value);
        }
    }

    private ModelConfigException Wrong(string name, string expected, JsonElement found)
    {
        string text = found.GetRawText();
        return new ModelConfigException(Source, _prefix + name, $"expected {expected}, found {(text.Length > 60 ? found.ValueKind : text)}.");
    }
}
