using System.Text;

namespace PatchDpo.Torch.Foundation;

/// <summary>Reads text that may come from any editor: UTF-8 with or without a byte order mark, UTF-16 and UTF-32 with one.</summary>
internal static class TextFile
{
    // UTF-32's mark begins as UTF-16's does, so it stands first.
    private static readonly (byte[] Mark, Encoding Encoding)[] Encodings =
    [
        ([0xFF, 0xFE, 0, 0], new UTF32Encoding(bigEndian: false, byteOrderMark: true, throwOnInvalidCharacters: true)),
        ([0, 0, 0xFE, 0xFF], new UTF32Encoding(bigEndian: true, byteOrderMark: true, throwOnInvalidCharacters: true)),
        ([0xEF, 0xBB, 0xBF], new UTF8Encoding(encoderShouldEmitUTF8Identifier: true, throwOnInvalidBytes: true)),
        ([0xFF, 0xFE], new UnicodeEncoding(bigEndian: false, byteOrderMark: true, throwOnInvalidBytes: true)),
        ([0xFE, 0xFF], new UnicodeEncoding(bigEndian: true, byteOrderMark: true, throwOnInvalidBytes: true)),
        ([], new UTF8Encoding(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true)),
    ];

    /// <summary>Reads a whole file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="fault">Makes the exception for a file that is no such text, from the end of a sentence and the cause.</param>
    /// <returns>The text, without the mark.</returns>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static string Read(string path, Func<string, Exception?, Exception> fault)
    {
        using FileStream file = RegularFile.OpenRead(path, kind => fault($"this is {kind}, not a text file.", null));
        if (file.Length > Array.MaxLength)
            throw fault($"the file has {file.Length} bytes; this is no text.", null);
        byte[] bytes = new byte[file.Length];
        file.ReadExactly(bytes);
        (byte[] mark, Encoding encoding) = Encodings.First(e => bytes.AsSpan().StartsWith(e.Mark));
        if (encoding is UTF8Encoding && Array.IndexOf(bytes, (byte)0) is >= 0 and int zero)
            throw fault($"the byte at offset {zero} is zero: this is no text, or UTF-16 without a byte order mark.", null);
        try
        {
            return encoding.GetString(bytes, mark.Length, bytes.Length - mark.Length);
        }
        catch (DecoderFallbackException e)
        {
            throw fault($"the bytes from offset {mark.Length + e.Index} on are not valid {encoding.WebName}.", e);
        }
    }
}
