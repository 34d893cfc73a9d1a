using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace PatchDpo.Torch.DataConstruction;

/// <summary>The JSON of manifests: strict when read, the same bytes for the same content when written.</summary>
internal static class PairJson
{
    private static readonly JsonSerializerOptions LineOptions = Options(indented: false);
    private static readonly JsonSerializerOptions DocumentOptions = Options(indented: true);

    /// <summary>Indented JSON with a line feed at its end.</summary>
    public static byte[] Document<T>(T value) => [.. JsonSerializer.SerializeToUtf8Bytes(value, DocumentOptions), (byte)'\n'];

    /// <summary>JSON on one line, with a line feed at its end.</summary>
    public static byte[] Line<T>(T value) => [.. JsonSerializer.SerializeToUtf8Bytes(value, LineOptions), (byte)'\n'];

    /// <summary>Parses JSON.</summary>
    /// <param name="json">The text.</param>
    /// <param name="path">Its file, for messages.</param>
    /// <param name="place">Where in the file it stands, or null.</param>
    /// <exception cref="PairFolderException">No JSON, a field of another kind or twice, or one is missing.</exception>
    public static T Parse<T>(string json, string path, string? place)
    {
        try
        {
            return JsonSerializer.Deserialize<T>(json, LineOptions) ?? throw new PairFolderException(path, place, "the JSON is null.");
        }
        catch (JsonException e)
        {
            throw new PairFolderException(path, place ?? e.Path, $"not what this layout has: {e.Message}", e);
        }
    }

    private static JsonSerializerOptions Options(bool indented) => new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        WriteIndented = indented,
        NewLine = "\n",
        // Prompts stay readable: only what JSON itself demands is escaped.
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        AllowDuplicateProperties = false,
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
        Converters = { new JsonStringEnumConverter(allowIntegerValues: false) },
    };
}
