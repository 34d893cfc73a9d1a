using System.Text;
using System.Text.Unicode;
using PatchDpo.Torch.Foundation;

namespace PatchDpo.Torch.Weights;

/// <summary>Says what a file is that stands in another's place, by its first bytes, and what to do about it.</summary>
internal static class ForeignFile
{
    /// <summary>How many bytes of a file's beginning tell.</summary>
    public const int StartLength = 512;

    // A line that a server answers in place of a file is short.
    private const int MaxShown = 60;

    private static readonly (byte[] Magic, int Position, string Meaning)[] Magics =
    [
        ([0x89, .. "PNG"u8], 0, Image("a PNG image")),
        ([0xff, 0xd8, 0xff], 0, Image("a JPEG image")),
        ([.. "II*\0"u8], 0, Image("a TIFF image")),
        ([.. "MM\0*"u8], 0, Image("a TIFF image")),
        ([.. "ftyp"u8], 4, Image("a HEIC or AVIF image, or a video")),
        ([.. "8BPS"u8], 0, Image("a Photoshop document")),
        ([.. "GIF8"u8], 0, Image("a GIF image")),
        ([.. "WEBP"u8], 8, Image("a WebP image")),
        ([.. "%PDF"u8], 0, Image("a PDF document")),
        ([0x1f, 0x8b], 0, Packed("gzip")),
        ([.. "BZh"u8], 0, Packed("bzip2")),
        ([0xfd, .. "7zXZ\0"u8], 0, Packed("xz")),
        ([0x28, 0xb5, 0x2f, 0xfd], 0, Packed("Zstandard")),
        ([.. "7z"u8, 0xbc, 0xaf], 0, Packed("7-Zip")),
        ([.. "Rar!"u8], 0, Packed("RAR")),
        ([.. "ustar"u8], 257, Packed("tar")),
        ([.. "GGUF"u8], 0, "this is GGUF, quantised weights for llama.cpp and its like, which cannot be read; give the safetensors file that it was made "
            + "from."),
        ([.. "ggml"u8], 0, "this is GGML, quantised weights for llama.cpp and its like, which cannot be read; give the safetensors file that it was made "
            + "from."),
        ([0x89, .. "HDF"u8], 0, "this is HDF5 (Keras, TensorFlow), which cannot be read; give the model's PyTorch or safetensors file."),
        ([0x93, .. "NUMPY"u8], 0, "this is a NumPy array, not a file of named weights; give the model's PyTorch or safetensors file."),
        ([0x7f, .. "ELF"u8], 0, "this is a program or a library, not a weight file."),
    ];

    /// <summary>What the file is, as the end of a sentence; null where its beginning does not tell.</summary>
    /// <param name="start">The file's first <see cref="StartLength"/> bytes, or all where it has fewer.</param>
    public static string? Describe(ReadOnlySpan<byte> start)
    {
        if (start.IsEmpty)
            return "the file is empty: a download or a copy was cut off; fetch it again.";
        foreach ((byte[] magic, int position, string meaning) in Magics)
        {
            if (start.Length > position && start[position..].StartsWith(magic))
                return meaning;
        }
        if (TextOf(start) is string text)
            return DescribeText(text);
        if (start.StartsWith("BM"u8))
            return Image("a BMP image");
        return null;
    }

    /// <summary>
    /// What stands in the place of a text file that is broken as such: nothing, a Git LFS pointer, a web page; null where it is none of these.
    /// </summary>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static string? DescribePlaceholder(string path)
    {
        Span<byte> start = stackalloc byte[StartLength];
        start = start[..ReadStart(path, start)];
        return start.IsEmpty ? Describe(start) : TextOf(start) is string text ? Placeholder.Describe(text, "file") : null;
    }

    /// <summary>Fills a buffer with a file's beginning.</summary>
    /// <returns>How many bytes the file had for it.</returns>
    public static int ReadStart(string path, Span<byte> start)
    {
        using FileStream stream = WeightsPath.OpenRead(path);
        return stream.ReadAtLeast(start, start.Length, throwOnEndOfStream: false);
    }

    private static string DescribeText(string text)
    {
        if (Placeholder.Describe(text, "file") is string placeholder)
            return placeholder;
        if (text[0] is '{' or '[')
            return "this is JSON, a configuration or an answer of a server, and neither a safetensors file nor a PyTorch checkpoint.";
        if (text.StartsWith("(dp", StringComparison.Ordinal) || text.StartsWith("ccopy_reg", StringComparison.Ordinal))
            return "this is a pickle of protocol 0, which is no PyTorch checkpoint; save the state_dict with torch.save.";
        string line = text.Split('\n', 2)[0].TrimEnd();
        return $"this is text, not a weight file: it begins with {KeyText.Quote(line.Length > MaxShown ? line[..MaxShown] : line)}.";
    }

    /// <summary>The beginning as text, without a byte order mark and blanks before it; null where it is none.</summary>
    private static string? TextOf(ReadOnlySpan<byte> start)
    {
        if (start.StartsWith((ReadOnlySpan<byte>)[0xef, 0xbb, 0xbf]))
            start = start[3..];
        // A character may be cut at the end.
        int cut = 0;
        while (cut < 4 && cut < start.Length && !Utf8.IsValid(start[..^cut]))
            cut++;
        if (!Utf8.IsValid(start[..^cut]))
            return null;
        string text = Encoding.UTF8.GetString(start[..^cut]).TrimStart();
        return text.Length > 0 && !text.Any(c => char.IsControl(c) && !char.IsWhiteSpace(c)) ? text : null;
    }

    private static string Image(string kind) => $"this is {kind}, not a weight file.";

    private static string Packed(string kind) => $"this is a packed file ({kind}); unpack it, and give the file that was in it.";
}
