using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Weights.Onnx;
using PatchDpo.Torch.Weights.Pickle;
using PatchDpo.Torch.Weights.Safetensors;
using PatchDpo.Torch.Weights.Sharded;

namespace PatchDpo.Torch.Weights;

/// <summary>Opens weight files of any supported format.</summary>
public static class WeightsFile
{
    // Of a folder that was given in a file's place, so many files are named.
    private const int MaxNamed = 5;

    // A file of safetensors has its header's length in the first eight bytes, and the header's '{' in the ninth.
    private const int HeaderStart = 8;

    // PyTorch's habit for a lone checkpoint is any name with one of these.
    internal static readonly string[] Extensions = [".safetensors", ".bin", ".pt", ".pth", ".th"];

    /// <summary>
    /// Opens a safetensors file, a PyTorch checkpoint, the index of sharded weights, or the initialisers of an ONNX graph; the content decides, not the name.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <param name="safetensors">How a safetensors file, or shards that are, are opened; null for the defaults.</param>
    /// <returns>The open file; the caller disposes it.</returns>
    /// <exception cref="WeightsFormatException">
    /// The file (or a shard) breaks its format, is something else (the message says what), or the path is a folder's.
    /// </exception>
    /// <exception cref="UnsafePickleException">It is a checkpoint that asks for something that is not a tensor or plain data.</exception>
    /// <exception cref="ModelFileNotFoundException">It is an index, and a shard is missing.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">The file may not be read.</exception>
    public static ITensorFile Open(string path, SafetensorsOptions? safetensors = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        RefuseFolder(path);
        Span<byte> start = stackalloc byte[ForeignFile.StartLength];
        start = start[..ForeignFile.ReadStart(path, start)];
        // Text has no zero bytes; a safetensors file has them in its first eight, a length far below 2^56.
        bool isIndex = start.Length > 0 && start[0] == (byte)'{' && !start[..Math.Min(HeaderStart, start.Length)].Contains((byte)0);
        if (OnnxFile.IsOnnx(start))
            return OnnxFile.Open(path);
        return isIndex ? ShardedTensorFile.Open(path, new ShardedTensorOptions { Safetensors = safetensors ?? new() }) : OpenSingle(path, safetensors, start);
    }

    /// <summary>Opens a model's weights, without the prefixes that training leaves on every key (<see cref="StateDictPrefix.Unwrap"/>).</summary>
    /// <remarks>An ONNX graph tells its initialisers' names itself.</remarks>
    internal static ITensorFile OpenStateDict(string path, SafetensorsOptions? safetensors = null)
        => Open(path, safetensors) is var file && file is OnnxFile ? file : StateDictPrefix.Unwrap(file);

    /// <summary>Opens a safetensors file or a PyTorch checkpoint: what a shard may be, so that no index leads to another one.</summary>
    internal static ITensorFile OpenSingle(string path, SafetensorsOptions safetensors)
    {
        Span<byte> start = stackalloc byte[ForeignFile.StartLength];
        return OpenSingle(path, safetensors, start[..ForeignFile.ReadStart(path, start)]);
    }

    /// <summary>Refuses a folder where a weight file is wanted, and names the weight files in it.</summary>
    /// <exception cref="WeightsFormatException">The path is a folder's.</exception>
    internal static void RefuseFolder(string path)
    {
        if (!Directory.Exists(path))
            return;
        string[] files = [.. FolderFiles.Files(path).Where(f => HasExtension(f) || f.EndsWith(".ckpt", StringComparison.OrdinalIgnoreCase))
            .Select(f => Path.GetFileName(f))];
        string named = string.Join(", ", files.Take(MaxNamed).Select(KeyText.Quote)) + (files.Length > MaxNamed ? $" and {files.Length - MaxNamed} more" : "");
        throw new WeightsFormatException(
            path, null, files.Length > 0 ? $"this is a folder; name the weight file in it: {named}."
            : "this is a folder, and there is no weight file in it; name a file.");
    }

    /// <summary>Whether a file's name ends as weight files do.</summary>
    internal static bool HasExtension(string path) => Extensions.Contains(Path.GetExtension(path), StringComparer.OrdinalIgnoreCase);

    private static ITensorFile OpenSingle(string path, SafetensorsOptions? safetensors, ReadOnlySpan<byte> start)
    {
        // The length before a safetensors file's '{' begins with "PK" only beyond any limit.
        bool isSafetensors = start.Length > HeaderStart && start[HeaderStart] == (byte)'{';
        bool isCheckpoint = start.StartsWith("PK\x03\x04"u8) || (start.Length > 0 && start[0] == 0x80 && !isSafetensors);
        if (isCheckpoint)
            return TorchCheckpoint.Open(path);
        // Told here, because to the reader of safetensors any other file is one with an absurd length.
        if (!isSafetensors && (ForeignFile.Describe(start)
            ?? (start.Length > HeaderStart ? "this is neither a safetensors file nor a PyTorch checkpoint." : null)) is string problem)
            throw new WeightsFormatException(path, null, problem);
        return SafetensorsFile.Open(path, safetensors);
    }
}
