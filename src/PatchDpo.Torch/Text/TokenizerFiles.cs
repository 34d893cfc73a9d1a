using PatchDpo.Torch.Weights;

namespace PatchDpo.Torch.Text;

/// <summary>The files of a tokenizer's folder in Hugging Face's layout.</summary>
internal sealed class TokenizerFiles
{
    private readonly string _vocabularyPath;
    private readonly ModelConfig? _config;

    private TokenizerFiles(string vocabularyPath, Dictionary<string, int> vocabulary, IReadOnlyList<string> merges, ModelConfig? config)
    {
        _vocabularyPath = vocabularyPath;
        _config = config;
        Vocabulary = vocabulary;
        Merges = merges;
    }

    /// <summary>Tokens and their ids.</summary>
    public Dictionary<string, int> Vocabulary { get; }

    /// <summary>Merges in order of rank, each "left right".</summary>
    public IReadOnlyList<string> Merges { get; }

    /// <summary>Reads the folder.</summary>
    public static TokenizerFiles Read(string folder)
    {
        string vocabulary = ModelFolder.RequireFile(folder, "vocab.json");
        string merges = ModelFolder.RequireFile(folder, "merges.txt");
        string config = Path.Combine(folder, "tokenizer_config.json");
        Dictionary<string, int> ids = ReadVocabulary(vocabulary);
        return new TokenizerFiles(vocabulary, ids, ReadMerges(merges, ids), File.Exists(config) ? ModelConfig.Read(config) : null);
    }

    /// <summary>A special token: the configuration's, given as text or as an object with "content", or the default; it is in the vocabulary.</summary>
    /// <exception cref="ModelConfigException">The vocabulary lacks the token.</exception>
    public string SpecialToken(string field, string defaultToken)
    {
        string token = defaultToken;
        if (_config is not null && _config.Has(field))
            token = _config.IsObject(field) ? _config.GetObject(field).GetString("content") : _config.GetString(field);
        return Vocabulary.ContainsKey(token)
            ? token
            : throw new ModelConfigException(_vocabularyPath, token, $"the vocabulary lacks this token, which the tokenizer needs as {field}.");
    }

    /// <summary>model_max_length, or the default where it is absent or the huge number that stands for "unlimited".</summary>
    /// <exception cref="ModelConfigException">The length is below 2.</exception>
    public int MaxLength(int defaultLength)
    {
        const string Field = "model_max_length";
        if (_config is null || !_config.Has(Field) || _config.GetDouble(Field) > int.MaxValue)
            return defaultLength;
        int length = _config.GetInt32(Field);
        return length >= 2 ? length : throw new ModelConfigException(_config.Source, Field, $"{length} leaves no room for the start and the end token.");
    }

    private static Dictionary<string, int> ReadVocabulary(string path)
    {
        ModelConfig json = ModelConfig.Read(path);
        return json.Names.ToDictionary(n => n, json.GetInt32, StringComparer.Ordinal);
    }

    private static List<string> ReadMerges(string path, Dictionary<string, int> vocabulary)
    {
        var merges = new List<string>();
        int number = 0;
        foreach (string line in File.ReadLines(path))
        {
            number++;
            if (line.Length == 0 || (number == 1 && line.StartsWith("#version", StringComparison.Ordinal)))
                continue;
            string[] pair = line.Split(' ');
            if (pair.Length != 2 || !vocabulary.ContainsKey(pair[0]) || !vocabulary.ContainsKey(pair[1]) || !vocabulary.ContainsKey(pair[0] + pair[1]))
                throw new WeightsFormatException(path, null, $"line {number} is not a merge of two tokens of the vocabulary into a third.");
            merges.Add(line);
        }
        return merges;
    }
}
