using System.Globalization;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.Weights;

namespace PatchDpo.Torch.Clip;

/// <summary>The files of a tokenizer's folder in Hugging Face's layout.</summary>
/// <remarks>
/// What wins, as in transformers 4.34 and newer (<c>PreTrainedTokenizerBase._from_pretrained</c>, <c>CLIPTokenizer</c>): <c>vocab.json</c> with
/// <c>merges.txt</c> before the vocabulary in <c>tokenizer.json</c>. Where <c>tokenizer_config.json</c> has added_tokens_decoder, it alone says
/// which tokens are added and what the special ones are; else <c>special_tokens_map.json</c> wins over it, and tokens are added from
/// <c>added_tokens.json</c> and, over these, from <c>tokenizer.json</c>. An added token's id wins over the vocabulary's.
/// </remarks>
internal sealed class TokenizerFiles
{
    private const long MaxFileBytes = 64L << 20;
    private const int MaxTokens = 1_000_000;
    private const int MaxTokenCharacters = 1_000;
    private const string Decoder = "added_tokens_decoder";
    private const string Additional = "additional_special_tokens";
    private const string WordEnd = "</w>";

    private readonly ModelConfig? _config;
    private readonly ModelConfig? _map;
    private readonly ModelConfig? _fast;
    private readonly Dictionary<string, AddedToken> _added = new(StringComparer.Ordinal);

    private TokenizerFiles(string folder)
    {
        Folder = folder;
        string vocabulary = Path.Combine(folder, "vocab.json"), merges = Path.Combine(folder, "merges.txt"), fast = Path.Combine(folder, "tokenizer.json");
        _config = ReadOptional("tokenizer_config.json");
        _map = HasDecoder ? null : ReadOptional("special_tokens_map.json");
        IsFast = File.Exists(fast) && !(File.Exists(vocabulary) && File.Exists(merges));
        _fast = IsFast || !HasDecoder ? ReadOptional("tokenizer.json") : null;
        if (IsFast)
        {
            VocabularyPath = fast;
            ModelConfig model = _fast!.GetObject("model");
            model.RequireKind("type", "BPE");
            if (model.GetString("end_of_word_suffix", "") is var suffix && suffix != WordEnd)
                throw model.Fault("end_of_word_suffix", $"'{suffix}' is not CLIP's '{WordEnd}': this is another model's tokenizer.");
            Vocabulary = ReadIds(model.GetObject("vocab"));
            Merges = ReadMerges(model);
        }
        else
        {
            VocabularyPath = ModelFolder.RequireFile(folder, "vocab.json");
            ModelFolder.RequireFile(folder, "merges.txt");
            Vocabulary = ReadIds(ReadConfig(VocabularyPath));
            Merges = ReadMerges(merges);
        }
        AddTokens();
    }

    /// <summary>The folder.</summary>
    public string Folder { get; }

    /// <summary>The file that <see cref="Vocabulary"/> came from.</summary>
    public string VocabularyPath { get; }

    /// <summary>Whether the folder has a <c>tokenizer.json</c> alone, whose added tokens may be looked for in the cleaned text.</summary>
    public bool IsFast { get; }

    /// <summary>Tokens and their ids.</summary>
    public Dictionary<string, int> Vocabulary { get; }

    /// <summary>Merges in order of rank, each "left right".</summary>
    public IReadOnlyList<string> Merges { get; }

    /// <summary>Tokens that stand whole wherever a text has them, special ones included.</summary>
    public IReadOnlyCollection<AddedToken> AddedTokens => _added.Values;

    private bool HasDecoder => _config is not null && _config.Has(Decoder);

    /// <summary>Reads the folder.</summary>
    public static TokenizerFiles Read(string folder) => new(folder);

    /// <summary>A special token's id, given as text or as an object with "content", or the default's.</summary>
    /// <exception cref="ModelConfigException">The vocabulary lacks the token.</exception>
    public AddedToken SpecialToken(string field, string defaultToken)
    {
        ModelConfig? fields = null;
        string token = defaultToken;
        string source = VocabularyPath;
        foreach (ModelConfig file in new[] { _map, _config }.OfType<ModelConfig>().Where(f => f.Has(field)).Take(1))
        {
            source = file.Source;
            fields = file.IsObject(field) ? file.GetObject(field) : null;
            token = fields?.GetString("content") ?? file.GetString(field);
        }
        if (_added.TryGetValue(token, out AddedToken? known))
            return known;
        if (!Vocabulary.TryGetValue(token, out int id))
            throw new ModelConfigException(VocabularyPath, token, $"the vocabulary lacks this token, which the tokenizer needs as "
                + $"{field}{(source == VocabularyPath ? "" : $" ('{source}')")}.");
        return Add(new AddedToken(token, id, source) { SingleWord = fields?.GetBoolean("single_word", false) ?? false });
    }

    /// <summary>model_max_length, or the default where it is absent or the huge number that stands for "unlimited".</summary>
    /// <exception cref="ModelConfigException">The length is below 2.</exception>
    public int MaxLength(int defaultLength)
    {
        const string Field = "model_max_length";
        if (_config is null || !_config.Has(Field) || _config.GetDouble(Field) > int.MaxValue)
            return defaultLength;
        int length = _config.GetInt32(Field);
        if (length < 2)
            throw _config.Fault(Field, $"{length} leaves no room for the start and the end token.");
        return length <= ConfigFields.MaxSide ? length
            : throw _config.Fault(Field, $"{length} ids are more than the {ConfigFields.MaxSide} that are supported; text encoders take 77.");
    }

    private void AddTokens()
    {
        if (HasDecoder)
        {
            ModelConfig decoder = _config!.GetObject(Decoder);
            foreach (string id in decoder.Names)
                Add(Token(decoder.GetObject(id), int.TryParse(id, NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number
                    : throw decoder.Fault(id, "the name is no token's id.")));
        }
        else if (ReadOptional("added_tokens.json") is ModelConfig ids)
        {
            foreach ((string token, int id) in ReadIds(ids))
                Add(new AddedToken(token, id, ids.Source) { Normalized = IsFast });
        }
        if (_fast is not null && _fast.Has("added_tokens"))
        {
            foreach (ConfigItem item in _fast.GetItems("added_tokens"))
            {
                ModelConfig fields = item.Fields ?? throw _fast.Fault("added_tokens", "an item is no object.");
                Add(Token(fields, fields.GetInt32("id")));
            }
        }
        AddSpecialTokensWithoutId();
    }

    // A special token that no file gives an id has the next one, as in transformers.
    private void AddSpecialTokensWithoutId()
    {
        int next = Vocabulary.Count + _added.Keys.Count(k => !Vocabulary.ContainsKey(k));
        foreach (ModelConfig file in new[] { _config, _map }.OfType<ModelConfig>().Where(f => f.Has(Additional)))
        {
            foreach (ConfigItem item in file.GetItems(Additional))
            {
                string token = item.Fields?.GetString("content") ?? (item.Texts is [string text] ? text : throw file.Fault(Additional, "an item is a list."));
                if (!_added.ContainsKey(token) && token.Length > 0)
                    Add(new AddedToken(token, Vocabulary.TryGetValue(token, out int id) ? id : next++,
                        file.Source) { SingleWord = item.Fields?.GetBoolean("single_word", false) ?? false });
            }
        }
    }

    private AddedToken Token(ModelConfig fields, int id)
    {
        CheckId(fields, "id", id);
        return new AddedToken(fields.GetString("content"), id, fields.Source)
        {
            SingleWord = fields.GetBoolean("single_word", false),
            Normalized = IsFast && fields.GetBoolean("normalized", false),
        };
    }

    private static void CheckId(ModelConfig json, string field, int id)
    {
        if (id is < 0 or >= ConfigFields.MaxSize)
            throw json.Fault(field, $"expected an id of 0 to {ConfigFields.MaxSize - 1}, found {id}.");
    }

    private AddedToken Add(AddedToken token)
    {
        if (token.Content.Length > MaxTokenCharacters || _added.Count >= MaxTokens)
            throw new ModelConfigException(token.Source, null, $"it adds more than {MaxTokens} tokens, or one of more than {MaxTokenCharacters} characters.");
        // An empty one would stand everywhere; transformers leaves it out too.
        if (token.Content.Length > 0)
            _added[token.Content] = token;
        return token;
    }

    private ModelConfig? ReadOptional(string name)
    {
        string path = Path.Combine(Folder, name);
        return File.Exists(path) ? ReadConfig(path) : null;
    }

    private static ModelConfig ReadConfig(string path)
    {
        OpenRead(path).Dispose();
        return ModelConfig.Read(path);
    }

    // The open file's length: a link, of which a Hugging Face cache consists, has a short one of its own.
    private static FileStream OpenRead(string path)
    {
        FileStream file = RegularFile.OpenRead(path, kind => new ModelConfigException(path, null, $"this is {kind}, not a tokenizer's file."));
        if (file.Length <= MaxFileBytes)
            return file;
        using (file)
            throw new ModelConfigException(path, null, $"the file has {file.Length} bytes; a tokenizer's has at most {MaxFileBytes}.");
    }

    private static Dictionary<string, int> ReadIds(ModelConfig json)
    {
        var ids = new Dictionary<string, int>(StringComparer.Ordinal);
        HashSet<int> seen = [];
        foreach ((string token, int id) in json.GetInt32Fields())
        {
            CheckId(json, token, id);
            if (!seen.Add(id))
                throw json.Fault(token, $"the id {id} is another token's too.");
            if (ids.Count == MaxTokens)
                throw new ModelConfigException(json.Source, null, $"it has more than {MaxTokens} tokens.");
            ids.Add(token, id);
        }
        return ids;
    }

    private List<string> ReadMerges(string path)
    {
        using FileStream file = OpenRead(path);
        using StreamReader reader = new(file);
        var merges = new List<string>();
        for (int number = 1; reader.ReadLine() is string line; number++)
        {
            if (line.Length == 0 || (number == 1 && line.StartsWith("#version", StringComparison.Ordinal)))
                continue;
            merges.Add(IsMerge(line.Split(' ', 3)) ? line
                : throw new WeightsFormatException(path, null, $"line {number} is not a merge of two tokens of the vocabulary into a third."));
        }
        return merges;
    }

    // "left right", or, in newer files, ["left", "right"].
    private List<string> ReadMerges(ModelConfig model)
    {
        var merges = new List<string>();
        foreach (ConfigItem item in model.GetItems("merges"))
        {
            string[] pair = item.Texts is [string one] ? one.Split(' ', 3) : [.. item.Texts];
            merges.Add(IsMerge(pair) ? string.Join(' ', pair)
                : throw model.Fault($"merges[{merges.Count}]", "the item is not a merge of two tokens of the vocabulary into a third."));
        }
        return merges;
    }

    private bool IsMerge(string[] pair)
        => pair.Length == 2 && Vocabulary.ContainsKey(pair[0]) && Vocabulary.ContainsKey(pair[1]) && Vocabulary.ContainsKey(pair[0] + pair[1]);
}
