namespace PatchDpo.Torch.Weights;

/// <summary>Opens weight files of any supported format.</summary>
public static class WeightsFile
{
    /// <summary>Opens a safetensors file or a PyTorch checkpoint; the content decides, not the name.</summary>
    /// <param name="path">The file.</param>
    /// <returns>The open file; the caller disposes it.</returns>
    /// <exception cref="WeightsFormatException">The file breaks its format.</exception>
    /// <exception cref="UnsafePickleException">It is a checkpoint that asks for something that is not a tensor or plain data.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static ITensorFile Open(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        Span<byte> start = stackalloc byte[9];
        int count;
        using (FileStream stream = new(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, bufferSize: 0))
            count = stream.ReadAtLeast(start, start.Length, throwOnEndOfStream: false);
        // A safetensors file has its header's '{' in the ninth byte, after a length that begins with "PK" only beyond any limit.
        bool isCheckpoint = start[..count].StartsWith("PK\x03\x04"u8) || (count > 0 && start[0] == 0x80 && !(count == 9 && start[8] == (byte)'{'));
        // Told here, because to the reader of safetensors any other file is one with an absurd length.
        if (!isCheckpoint && count == start.Length && start[8] != (byte)'{')
            throw new WeightsFormatException(path, null, "this is neither a safetensors file nor a PyTorch checkpoint.");
        return isCheckpoint ? TorchCheckpoint.Open(path) : SafetensorsFile.Open(path);
    }
}
