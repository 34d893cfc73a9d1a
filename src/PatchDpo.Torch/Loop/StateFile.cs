using System.Text.Encodings.Web;
using System.Text.Json;
using PatchDpo.Torch.Foundation;

namespace PatchDpo.Torch.Loop;

/// <summary>The JSON files of a training's state.</summary>
internal static class StateFile
{
    private static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        WriteIndented = true,
        NewLine = "\n",
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        AllowDuplicateProperties = false,
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
    };

    /// <summary>Reads a file.</summary>
    /// <exception cref="TrainingStateException">It is not what such a file has.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static T Read<T>(string path) where T : class
    {
        string text = TextFile.Read(path, (problem, inner) => new TrainingStateException(path, problem, inner));
        try
        {
            return JsonSerializer.Deserialize<T>(text, Json) ?? throw new TrainingStateException(path, "the JSON is null.");
        }
        catch (JsonException e)
        {
            throw new TrainingStateException(path, $"not what a checkpoint has: {e.Message}", e);
        }
    }

    /// <summary>What a file has.</summary>
    public static byte[] ToBytes<T>(T value) => [.. JsonSerializer.SerializeToUtf8Bytes(value, Json), (byte)'\n'];
}
