using System.Text;
using PatchDpo.Tests;
using PatchDpo.Torch.DataConstruction;

namespace PatchDpo.Torch.Tests.DataConstruction;

public sealed class PromptFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    public static TheoryData<string> Encodings => ["utf-8", "utf-8 with mark", "utf-16", "utf-16BE", "utf-32", "utf-32BE"];

    [Theory]
    [MemberData(nameof(Encodings))]
    public void Every_Unicode_encoding_is_read(string name)
    {
        Encoding encoding = name switch
        {
            "utf-8" => new UTF8Encoding(false),
            "utf-8 with mark" => new UTF8Encoding(true),
            _ => Encoding.GetEncoding(name),
        };
        string path = _folder.Write("p.txt", [.. encoding.GetPreamble(), .. encoding.GetBytes("a cat\r\n\r\n  ein Bär, 熊 🐻 \na dog")]);
        Assert.Equal(["a cat", "ein Bär, 熊 🐻", "a dog"], PromptFile.Read(path));
    }

    [Fact]
    public void What_is_no_text_is_refused_by_its_place()
    {
        Refuses(Encoding.Unicode.GetBytes("a cat"), null, "the byte at offset 1 is zero: this is no text, or UTF-16 without");
        Refuses([.. "a cat\n"u8, 0xC3, 0x28], null, "offset 6 on are not valid utf-8");
        Refuses([0xEF, 0xBB, 0xBF, .. "a cat\n"u8, 0xFF], null, "offset 9 on are not valid utf-8");
        Refuses([0xFF, 0xFE, 0x61, 0, 0, 0xD8], null, "offset 4 on are not valid utf-16");
        Refuses("a cat\na\tdog"u8, 2, "character 1 of the prompt is the control character U+0009");
        Refuses([.. "a cat\n\n"u8, .. Enumerable.Repeat((byte)'x', 2001)], 3, "2001 characters; at most 2000");
        Refuses(" \n\n"u8, null, "no prompt");
        Refuses([], null, "no prompt");
    }

    [Fact]
    public void A_missing_file_is_an_IO_error() => Assert.Throws<FileNotFoundException>(() => PromptFile.Read(_folder.File("none.txt")));

    private void Refuses(ReadOnlySpan<byte> bytes, int? line, string problem)
    {
        string path = _folder.Write("p.txt", bytes.ToArray());
        PromptFileException e = Assert.Throws<PromptFileException>(() => PromptFile.Read(path));
        Assert.Equal((path, line), (e.Path, e.Line));
        Assert.Contains(problem, e.Message, StringComparison.Ordinal);
    }
}
