namespace PatchDpo.Torch.Weights;

/// <summary>Opens weight files of any supported format.</summary>
public static class WeightsFile
{
    private const int StartLength = 9;

    /// <summary>Opens a safetensors file, a PyTorch checkpoint or the index of sharded weights; the content decides, not the name.</summary>
    /// <param name="path">The file.</param>
    /// <param name="safetensors">How a safetensors file, or shards that are, are opened; null for the defaults.</param>
    /// <returns>The open file; the caller disposes it.</returns>
    /// <exception cref="WeightsFormatException">The file (or a shard) breaks its format.</exception>
    /// <exception cref="UnsafePickleException">It is a checkpoint that asks for something that is not a tensor or plain data.</exception>
    /// <exception cref="ModelFileNotFoundException">It is an index, and a shard is missing.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">The file may not be read, or the path is a folder's.</exception>
    public static ITensorFile Open(string path, SafetensorsOptions? safetensors = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        Span<byte> start = stackalloc byte[StartLength];
        start = start[..ReadStart(path, start)];
        // Text has no zero bytes; a safetensors file has them in its first eight, a length far below 2^56.
        bool isIndex = start.Length > 0 && start[0] == (byte)'{' && !start[..Math.Min(8, start.Length)].Contains((byte)0);
        return isIndex ? ShardedTensorFile.Open(path, new ShardedTensorOptions { Safetensors = safetensors ?? new() }) : OpenSingle(path, safetensors, start);
    }

    /// <summary>Opens a safetensors file or a PyTorch checkpoint: what a shard may be, so that no index leads to another one.</summary>
    internal static ITensorFile OpenSingle(string path, SafetensorsOptions safetensors)
    {
        Span<byte> start = stackalloc byte[StartLength];
        return OpenSingle(path, safetensors, start[..ReadStart(path, start)]);
    }

    private static ITensorFile OpenSingle(string path, SafetensorsOptions? safetensors, ReadOnlySpan<byte> start)
    {
        // A safetensors file has its header's '{' in the ninth byte, after a length that begins with "PK" only beyond any limit.
        bool isCheckpoint = start.StartsWith("PK\x03\x04"u8) || (start.Length > 0 && start[0] == 0x80 && !(start.Length == StartLength && start[8] == (byte)'{'));
        // Told here, because to the reader of safetensors any other file is one with an absurd length.
        if (!isCheckpoint && start.Length == StartLength && start[8] != (byte)'{')
            throw new WeightsFormatException(path, null, "this is neither a safetensors file nor a PyTorch checkpoint.");
        return isCheckpoint ? TorchCheckpoint.Open(path) : SafetensorsFile.Open(path, safetensors);
    }

    private static int ReadStart(string path, Span<byte> start)
    {
        using FileStream stream = new(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, bufferSize: 0);
        return stream.ReadAtLeast(start, start.Length, throwOnEndOfStream: false);
    }
}
