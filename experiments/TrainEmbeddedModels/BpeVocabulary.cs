using System.Text.Json;

namespace TrainEmbeddedModels;

/// <summary>Learns a small byte-pair vocabulary and writes it in CLIP's tokenizer folder format.</summary>
internal sealed class BpeVocabulary
{
    private const string End = "</w>";
    private readonly List<string> _tokens;
    private readonly List<(string Left, string Right)> _merges;

    private BpeVocabulary(List<string> tokens, List<(string, string)> merges)
    {
        _tokens = tokens;
        _merges = merges;
    }

    /// <summary>Entries, the two special ones included.</summary>
    public int Count => _tokens.Count;

    /// <summary>Merges the most frequent neighbours until every word is one token or <paramref name="mergeLimit"/> is reached.</summary>
    public static BpeVocabulary Learn(IReadOnlyDictionary<string, int> words, int mergeLimit)
    {
        List<string> bytes = ByteCharacters();
        var tokens = new List<string>(bytes.Concat(bytes.Select(b => b + End)));
        var merges = new List<(string, string)>();
        var split = words.ToDictionary(w => w.Key, w =>
        {
            var symbols = w.Key.Select(c => c.ToString()).ToList();
            symbols[^1] += End;
            return symbols;
        });
        while (merges.Count < mergeLimit)
        {
            var counts = new Dictionary<(string, string), int>();
            foreach ((string word, List<string> symbols) in split)
            {
                for (int i = 0; i + 1 < symbols.Count; i++)
                    counts[(symbols[i], symbols[i + 1])] = counts.GetValueOrDefault((symbols[i], symbols[i + 1])) + words[word];
            }

            if (counts.Count == 0)
                break;
            // Ties are broken by the text, so that the vocabulary does not hang on a dictionary's order.
            ((string Left, string Right) pair, _) = counts.OrderByDescending(c => c.Value).ThenBy(c => c.Key.Item1 + " " + c.Key.Item2, StringComparer.Ordinal)
                .First();
            merges.Add(pair);
            tokens.Add(pair.Left + pair.Right);
            foreach (List<string> symbols in split.Values)
            {
                for (int i = 0; i + 1 < symbols.Count; i++)
                {
                    if (symbols[i] != pair.Left || symbols[i + 1] != pair.Right)
                        continue;
                    symbols[i] += symbols[i + 1];
                    symbols.RemoveAt(i + 1);
                }
            }
        }

        tokens.Add("<|startoftext|>");
        tokens.Add("<|endoftext|>");
        // Two merges can give the same token.
        return new BpeVocabulary([.. tokens.Distinct(StringComparer.Ordinal)], merges);
    }

    /// <summary>Writes vocab.json, merges.txt, tokenizer_config.json and special_tokens_map.json.</summary>
    public void Write(string folder, int maxLength)
    {
        Directory.CreateDirectory(folder);
        Dictionary<string, int> vocabulary = _tokens.Select((token, id) => (token, id)).ToDictionary(t => t.token, t => t.id, StringComparer.Ordinal);
        var options = new JsonSerializerOptions { WriteIndented = true };
        File.WriteAllText(Path.Combine(folder, "vocab.json"), JsonSerializer.Serialize(vocabulary, options));
        File.WriteAllText(Path.Combine(folder, "merges.txt"), "#version: 0.2\n" + string.Concat(_merges.Select(m => $"{m.Left} {m.Right}\n")));
        File.WriteAllText(Path.Combine(folder, "tokenizer_config.json"), JsonSerializer.Serialize(
            new
            {
                add_prefix_space = false,
                bos_token = "<|startoftext|>",
                do_lower_case = true,
                eos_token = "<|endoftext|>",
                model_max_length = maxLength,
                pad_token = "<|endoftext|>",
                tokenizer_class = "CLIPTokenizer",
                unk_token = "<|endoftext|>",
            }, options));
        File.WriteAllText(Path.Combine(folder, "special_tokens_map.json"), JsonSerializer.Serialize(
            new { bos_token = "<|startoftext|>", eos_token = "<|endoftext|>", pad_token = "<|endoftext|>", unk_token = "<|endoftext|>" }, options));
    }

    /// <summary>The printable stand-ins of the 256 bytes, in CLIP's order: printable Latin-1 first, then the rest from U+0100 on.</summary>
    private static List<string> ByteCharacters()
    {
        var printable = Enumerable.Range('!', '~' - '!' + 1).Concat(Enumerable.Range(0xA1, 0xAC - 0xA1 + 1)).Concat(Enumerable.Range(0xAE, 0xFF - 0xAE + 1))
            .ToList();
        var characters = printable.Select(b => ((char)b).ToString()).ToList();
        characters.AddRange(Enumerable.Range(0, 256 - printable.Count).Select(i => ((char)(256 + i)).ToString()));
        return characters;
    }
}
