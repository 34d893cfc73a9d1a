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
}
