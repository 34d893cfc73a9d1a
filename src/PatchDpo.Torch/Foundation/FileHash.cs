using System.Security.Cryptography;

namespace PatchDpo.Torch.Foundation;

/// <summary>SHA-256 in lower-case hexadecimal.</summary>
internal static class FileHash
{
    public static string Of(byte[] bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));

    public static string Of(string path)
    {
        using FileStream stream = File.OpenRead(path);
        return Convert.ToHexStringLower(SHA256.HashData(stream));
    }

    /// <summary>The files' bytes, one after the other.</summary>
    public static string Of(IEnumerable<string> paths)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (string path in paths)
        {
            using FileStream stream = File.OpenRead(path);
            Append(hash, stream);
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    /// <summary>Takes in the rest of a stream.</summary>
    public static void Append(IncrementalHash hash, Stream stream)
    {
        byte[] buffer = new byte[1 << 20];
        for (int count; (count = stream.Read(buffer)) > 0;)
            hash.AppendData(buffer, 0, count);
    }
}
