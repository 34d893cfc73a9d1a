using Microsoft.ML.Tokenizers;
using PatchDpo.Torch.Weights;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Text;

/// <summary>CLIP's byte-pair tokenizer: text to token ids between a start and an end token, cut and padded to a fixed length.</summary>
/// <remarks>
/// Source: openai/CLIP <c>simple_tokenizer.py</c> and <c>clip.tokenize(truncate=True)</c>, with Unicode NFC in place of ftfy's
/// repairs. A pad token that is an ordinary token (SDXL's second tokenizer pads with "!") is not split off where it stands in a
/// text; Hugging Face's tokenizer gives it the padding's id there. Thread-safe.
/// </remarks>
public sealed class ClipTokenizer
{
    private const int DefaultMaxLength = 77;
    private const string StartToken = "<|startoftext|>";
    internal const string EndToken = "<|endoftext|>";
    private const string WordEnd = "</w>";

    private readonly BpeTokenizer _bpe;
    private readonly int _start;
    private readonly int _end;
    private readonly int _pad;

    private ClipTokenizer(IReadOnlyDictionary<string, int> vocabulary, IEnumerable<string> merges, string start, string end, string unknown, int pad, int maxLength)
    {
        _start = vocabulary[start];
        _end = vocabulary[end];
        _pad = pad;
        MaxLength = maxLength;
        _bpe = BpeTokenizer.Create(new BpeOptions(vocabulary)
        {
            Merges = merges,
            EndOfWordSuffix = WordEnd,
            ByteLevel = true,
            Normalizer = new ClipNormalizer(),
            PreTokenizer = new ClipPreTokenizer(start, end),
            SpecialTokens = new Dictionary<string, int> { [start] = _start, [end] = _end },
            UnknownToken = unknown,
        });
    }

    /// <summary>How many ids a sequence has after padding: 77 in every published CLIP model.</summary>
    public int MaxLength { get; }

    /// <summary>How many token ids there are.</summary>
    public int VocabularySize => _bpe.Vocabulary.Count;

    /// <summary>Encodes one text: start, byte pairs, end; at most <see cref="MaxLength"/> ids, the last of which is the end.</summary>
    public IReadOnlyList<int> Encode(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        List<int> ids = [_start, .. _bpe.EncodeToIds(text), _end];
        if (ids.Count > MaxLength)
        {
            ids.RemoveRange(MaxLength, ids.Count - MaxLength);
            ids[^1] = _end;
        }
        return ids;
    }

    /// <summary>Encodes texts and pads them. B texts -> int64 <c>(B,MaxLength)</c> on the CPU; the caller disposes it.</summary>
    public Tensor EncodeBatch(IReadOnlyList<string> texts)
    {
        ArgumentNullException.ThrowIfNull(texts);
        long[] ids = new long[texts.Count * MaxLength];
        Array.Fill(ids, _pad);
        for (int b = 0; b < texts.Count; b++)
        {
            IReadOnlyList<int> row = Encode(texts[b]);
            for (int t = 0; t < row.Count; t++)
                ids[(b * MaxLength) + t] = row[t];
        }
        return tensor(ids, [texts.Count, MaxLength], ScalarType.Int64);
    }

    /// <summary>Reads OpenAI's <c>bpe_simple_vocab_16e6.txt</c>, plain or gzipped; texts are padded with zeros.</summary>
    /// <param name="file">The file.</param>
    /// <param name="maxLength">Ids in a sequence, at least 2; default: 77.</param>
    /// <exception cref="WeightsFormatException">A line is not a merge, or there are fewer than CLIP uses.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static ClipTokenizer FromOpenAiVocabulary(string file, int maxLength = DefaultMaxLength)
    {
        ArgumentException.ThrowIfNullOrEmpty(file);
        ArgumentOutOfRangeException.ThrowIfLessThan(maxLength, 2);
        string[] merges = OpenAiVocabulary.ReadMerges(file);
        return new ClipTokenizer(OpenAiVocabulary.Build(merges, StartToken, EndToken), merges, StartToken, EndToken, EndToken, pad: 0, maxLength);
    }

    /// <summary>Reads <c>vocab.json</c>, <c>merges.txt</c> and, where it is there, <c>tokenizer_config.json</c> (model_max_length, special tokens, padding).</summary>
    /// <param name="folder">A tokenizer's folder in Hugging Face's layout.</param>
    /// <exception cref="ModelFileNotFoundException">A file is missing.</exception>
    /// <exception cref="ModelConfigException">A file is malformed, or a special token is not in the vocabulary.</exception>
    /// <exception cref="WeightsFormatException">A line of the merges is not a merge.</exception>
    public static ClipTokenizer FromFolder(string folder) => FromFolder(folder, padding: null);

    /// <summary>The same with another padding than the folder's; null for its own.</summary>
    internal static ClipTokenizer FromFolder(string folder, string? padding)
    {
        TokenizerFiles files = TokenizerFiles.Read(folder);
        string start = files.SpecialToken("bos_token", StartToken);
        string end = files.SpecialToken("eos_token", EndToken);
        // No file has a field of that name.
        string pad = files.SpecialToken(padding is null ? "pad_token" : "padding", padding ?? end);
        return new ClipTokenizer(files.Vocabulary, files.Merges, start, end, files.SpecialToken("unk_token", end), files.Vocabulary[pad], files.MaxLength(DefaultMaxLength));
    }
}
