using System.Buffers;
using System.Security.Cryptography;

namespace PatchDpo.Torch.Foundation;

/// <summary>SHA-256 in lower-case hexadecimal.</summary>
internal static class FileHash
{
    public static string Of(byte[] bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));

    /// <summary>That of a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="fault">Makes the exception from what stands there instead ("a named pipe").</param>
    public static string Of(string path, Func<string, Exception> fault)
    {
        using FileStream stream = RegularFile.OpenRead(path, fault);
        return Convert.ToHexStringLower(SHA256.HashData(stream));
    }

    /// <summary>That of files' bytes, one file after the other.</summary>
    /// <param name="paths">The files.</param>
    /// <param name="fault">Makes the exception from a path and what stands there instead.</param>
    public static string Of(IEnumerable<string> paths, Func<string, string, Exception> fault)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (string path in paths)
        {
            using FileStream stream = RegularFile.OpenRead(path, kind => fault(path, kind));
            Append(hash, stream);
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    /// <summary>Takes in the rest of a stream.</summary>
    public static void Append(IncrementalHash hash, Stream stream)
    {
        byte[] buffer = ArrayPool<byte>.Shared.Rent(1 << 20);
        for (int count; (count = stream.Read(buffer)) > 0;)
            hash.AppendData(buffer, 0, count);
        ArrayPool<byte>.Shared.Return(buffer);
    }
}
