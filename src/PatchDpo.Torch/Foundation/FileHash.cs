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
}
