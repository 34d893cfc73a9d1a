using System.Text;
using Microsoft.ML.Tokenizers;
using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.Weights;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Clip;

/// <summary>CLIP's byte-pair tokenizer: text to token ids between a start and an end token, cut and padded to a fixed length.</summary>
/// <remarks>
/// Source: openai/CLIP <c>simple_tokenizer.py</c> and <c>clip.tokenize(truncate=True)</c>, with Unicode NFC in place of ftfy's
/// repairs. With a folder in Hugging Face's layout, added and special tokens stay whole wherever a text has them, as in
/// transformers' CLIPTokenizer: also a pad token that is an ordinary one (SDXL's second tokenizer pads with "!"). Thread-safe.
/// </remarks>
public sealed class ClipTokenizer
{
    private const int DefaultMaxLength = 77;
    private const string StartToken = "<|startoftext|>";
    internal const string EndToken = "<|endoftext|>";
    private const string WordEnd = "</w>";

    private readonly ClipNormalizer _normalizer = new();
    private readonly BpeTokenizer _bpe;
    private readonly AddedTokenSplitter? _raw;
    private readonly AddedTokenSplitter? _normalized;
    private readonly Lazy<Dictionary<int, byte[]>> _spelling;
    private readonly int _start;
    private readonly int _end;
    private readonly int _pad;

    private ClipTokenizer(
        IReadOnlyDictionary<string, int> vocabulary, string source, IEnumerable<string> merges, AddedToken start, AddedToken end, string unknown, int pad,
            int maxLength,
        IReadOnlyCollection<AddedToken> added, bool isFast)
    {
        _start = start.Id;
        _end = end.Id;
        _pad = pad;
        MaxLength = maxLength;
        _bpe = BpeTokenizer.Create(new BpeOptions(vocabulary)
        {
            Merges = merges,
            EndOfWordSuffix = WordEnd,
            ByteLevel = true,
            Normalizer = _normalizer,
            PreTokenizer = new ClipPreTokenizer(start.Content, end.Content),
            SpecialTokens = new Dictionary<string, int> { [start.Content] = _start, [end.Content] = _end },
            UnknownToken = unknown,
        });
        Func<char, bool> isBoundary = isFast ? AddedTokenSplitter.IsNoWordCharacter : AddedTokenSplitter.IsSpace;
        if (added.Any(t => !t.Normalized))
            _raw = new AddedTokenSplitter(added.Where(t => !t.Normalized).Select(t => (t.Content, t)), isBoundary);
        if (added.Any(t => t.Normalized))
            _normalized = new AddedTokenSplitter(
                added.Where(t => t.Normalized).Select(t => (Text: _normalizer.Normalize(t.Content), t)).Where(t => t.Text.Length > 0), isBoundary);

        VocabularySize = vocabulary.Count + added.Count(t => !vocabulary.ContainsKey(t.Content));
        KeyValuePair<string, int> last = vocabulary.MaxBy(t => t.Value);
        LargestToken = added.Append(new AddedToken(last.Key, last.Value, source)).MaxBy(t => t.Id)!;
        _spelling = new Lazy<Dictionary<int, byte[]>>(() =>
        {
            var spelling = new Dictionary<int, byte[]>();
            foreach ((string token, int id) in vocabulary)
                spelling[id] = OpenAiVocabulary.Spell(token, WordEnd);
            foreach (AddedToken token in added)
                spelling[token.Id] = Encoding.UTF8.GetBytes(token.Content + " ");
            return spelling;
        });
    }

    /// <summary>How many ids a sequence has after padding: 77 in every published CLIP model.</summary>
    public int MaxLength { get; }

    /// <summary>How many tokens there are: the vocabulary's and added ones.</summary>
    public int VocabularySize { get; }

    /// <summary>The token with the largest id, which a text encoder must have a row for.</summary>
    internal AddedToken LargestToken { get; }

    /// <summary>Encodes one text: start, byte pairs, end; at most <see cref="MaxLength"/> ids, the last of which is the end.</summary>
    public IReadOnlyList<int> Encode(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        List<int> ids = [_start, .. Tokens(text), _end];
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

    /// <summary>Which of the texts have more tokens than <see cref="Encode"/> takes, and what it leaves out of them.</summary>
    /// <param name="texts">The texts, in the order that their indices tell.</param>
    public IReadOnlyList<TruncatedPrompt> FindTruncated(IReadOnlyList<string> texts)
    {
        ArgumentNullException.ThrowIfNull(texts);
        int limit = MaxLength - 2;
        var truncated = new List<TruncatedPrompt>();
        for (int i = 0; i < texts.Count; i++)
        {
            List<int> tokens = Tokens(texts[i]);
            if (tokens.Count > limit)
                truncated.Add(new TruncatedPrompt(
                    i, tokens.Count, limit, Encoding.UTF8.GetString([.. tokens.Skip(limit).SelectMany(t => _spelling.Value.GetValueOrDefault(t, []))]).Trim()));
        }
        return truncated;
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
        Dictionary<string, int> vocabulary = OpenAiVocabulary.Build(merges, StartToken, EndToken);
        return new ClipTokenizer(
            vocabulary, file, merges, new AddedToken(StartToken, vocabulary[StartToken], file), new AddedToken(EndToken, vocabulary[EndToken], file), EndToken,
                pad: 0, maxLength, [], isFast: false);
    }

    /// <summary>
    /// Reads <c>vocab.json</c> and <c>merges.txt</c>, or a <c>tokenizer.json</c> where one of these is missing, and, where they are there,
    /// <c>tokenizer_config.json</c> (model_max_length, special and added tokens), <c>special_tokens_map.json</c> and <c>added_tokens.json</c>,
    /// in transformers' order of precedence.
    /// </summary>
    /// <param name="folder">A tokenizer's folder in Hugging Face's layout.</param>
    /// <exception cref="ModelFileNotFoundException">A file is missing.</exception>
    /// <exception cref="ModelConfigException">A file is malformed or too large, or a special token is not in the vocabulary.</exception>
    /// <exception cref="WeightsFormatException">A line of the merges is not a merge.</exception>
    public static ClipTokenizer FromFolder(string folder) => FromFolder(folder, padding: null);

    /// <summary>The same with another padding than the folder's; null for its own.</summary>
    internal static ClipTokenizer FromFolder(string folder, string? padding)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        TokenizerFiles files = TokenizerFiles.Read(folder);
        AddedToken start = files.SpecialToken("bos_token", StartToken);
        AddedToken end = files.SpecialToken("eos_token", EndToken);
        // No file has a field of that name.
        AddedToken pad = files.SpecialToken(padding is null ? "pad_token" : "padding", padding ?? end.Content);
        AddedToken unknown = files.SpecialToken("unk_token", end.Content);
        // Byte pairs know the vocabulary alone; an unknown token that was added stands in for what it lacks all the same.
        if (!files.Vocabulary.ContainsKey(unknown.Content))
            files.Vocabulary.Add(unknown.Content, unknown.Id);
        return new ClipTokenizer(
            files.Vocabulary, files.VocabularyPath, files.Merges, start, end, unknown.Content, pad.Id, files.MaxLength(DefaultMaxLength), files.AddedTokens,
                files.IsFast);
    }

    /// <summary>Checks that every id has a row in a text encoder's embeddings.</summary>
    /// <exception cref="ModelConfigException">One has none; the message names the file and the token.</exception>
    internal void CheckIds(ClipTextConfig encoder)
    {
        if (LargestToken.Id >= encoder.VocabularySize)
            throw new ModelConfigException(LargestToken.Source, LargestToken.Content, $"the token's id {LargestToken.Id} is beyond the text encoder's "
                + $"{encoder.VocabularySize} embeddings (vocab_size); the two belong to different models, or the encoder's part with added tokens is missing.");
    }

    // Without the start and the end.
    private List<int> Tokens(string text)
    {
        List<int> ids = [];
        foreach ((string part, AddedToken? token) in _raw?.Split(text) ?? [(text, null)])
        {
            if (token is not null)
                ids.Add(token.Id);
            else if (_normalized is null)
                ids.AddRange(_bpe.EncodeToIds(part));
            else
                foreach ((string rest, AddedToken? normalized) in _normalized.Split(_normalizer.Normalize(part)))
                    ids.AddRange(normalized is null ? _bpe.EncodeToIds(rest) : [normalized.Id]);
        }
        return ids;
    }
}
