using System.IO.Compression;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Weights;

namespace PatchDpo.Torch.Clip;

/// <summary>Builds CLIP's vocabulary from its list of merges.</summary>
/// <remarks>Source: openai/CLIP <c>simple_tokenizer.py</c>.</remarks>
internal static class OpenAiVocabulary
{
    // The published list is longer than what CLIP was trained with: 49,408 tokens less 2 x 256 bytes and 2 special ones.
    private const int MergesUsed = 49152 - 256 - 2;

    private static readonly OrderedDictionary<char, byte> BytesByCharacter = ByteCharacters();

    /// <summary>The merges that CLIP uses, in order of rank, each "left right".</summary>
    /// <exception cref="WeightsFormatException">A line is not a merge, or there are too few.</exception>
    public static string[] ReadMerges(string file)
    {
        using FileStream raw = RegularFile.OpenRead(file, kind => new WeightsFormatException(file, null, $"this is {kind}, not a list of merges."));
        using Stream stream = file.EndsWith(".gz", StringComparison.OrdinalIgnoreCase) ? new GZipStream(raw, CompressionMode.Decompress) : raw;
        using StreamReader reader = new(stream);
        try
        {
            reader.ReadLine();    // a header
            string[] merges = new string[MergesUsed];
            for (int i = 0; i < merges.Length; i++)
            {
                string line = reader.ReadLine() ?? throw new WeightsFormatException(file, null, $"expected {MergesUsed} merges, found {i}.");
                merges[i] = line.Count(c => c == ' ') == 1 ? line : throw new WeightsFormatException(file, null, $"line {i + 2} is not a merge of two tokens.");
            }
            return merges;
        }
        catch (InvalidDataException e)
        {
            throw new WeightsFormatException(file, null, "not a gzip file.", e);
        }
    }

    /// <summary>Ids of the bytes, the bytes at a word's end, the merged tokens and the special tokens, in this order.</summary>
    public static Dictionary<string, int> Build(IEnumerable<string> merges, params IEnumerable<string> specials)
    {
        string[] bytes = [.. Bytes()];
        IEnumerable<string> tokens = bytes
            .Concat(bytes.Select(b => b + "</w>"))
            .Concat(merges.Select(m => m.Replace(" ", "", StringComparison.Ordinal)))
            .Concat(specials);
        var ids = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (string token in tokens)
            ids.Add(token, ids.Count);
        return ids;
    }

    /// <summary>What a token stands for: its characters as bytes of UTF-8 (a character may need several tokens), with a space where a word ends.</summary>
    /// <param name="token">A token of a vocabulary.</param>
    /// <param name="wordEnd">What marks a word's end.</param>
    public static byte[] Spell(string token, string wordEnd)
    {
        bool ends = token.EndsWith(wordEnd, StringComparison.Ordinal);
        return [.. token[..^(ends ? wordEnd.Length : 0)].Where(BytesByCharacter.ContainsKey).Select(c => BytesByCharacter[c]), .. ends ? " "u8 : []];
    }

    /// <summary>One printable character for each byte: itself where printable, else the next from U+0100 on; printable ones first.</summary>
    private static IEnumerable<string> Bytes() => BytesByCharacter.Keys.Select(c => c.ToString());

    private static OrderedDictionary<char, byte> ByteCharacters()
    {
        static bool Printable(int b) => b is >= '!' and <= '~' or >= 0xA1 and <= 0xAC or >= 0xAE and <= 0xFF;
        var characters = new OrderedDictionary<char, byte>();
        foreach (int b in Enumerable.Range(0, 256).Where(Printable))
            characters.Add((char)b, (byte)b);
        int spare = 0x100;
        foreach (int b in Enumerable.Range(0, 256).Where(b => !Printable(b)))
            characters.Add((char)spare++, (byte)b);
        return characters;
    }
}
