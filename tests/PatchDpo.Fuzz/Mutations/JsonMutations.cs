using System.Text;
using System.Text.RegularExpressions;

namespace PatchDpo.Fuzz.Mutations;

/// <summary>Changes of JSON by its tokens, so that most results are JSON still.</summary>
internal static partial class JsonMutations
{
    private static readonly string[] Strings =
    [
        "\"\"", "\"dtype\"", "\"shape\"", "\"data_offsets\"", "\"__metadata__\"", "\"metadata\"", "\"weight_map\"", "\"F32\"", "\"F16\"", "\"BF16\"", "\"BOOL\"", "\"I64\"", "\"U8\"",
        "\"F8_E4M3\"", "\"C64\"", "\"..\"", "\"../x\"", "\"/etc/passwd\"", "\"\\ud800\"", "\"\\u0000\"", "\"\\u202e\"", "\"one.safetensors\"", "\"two.safetensors\"", "\"重み\"",
    ];

    private static readonly string[] Others = ["null", "true", "{}", "[]", "1.5", "1e3", "-0", "1e400", "{", "}", "[", "]", ",", ":", "\"", " ", "\ufeff",
        "[[[[[[[[[[", "{\"a\":{\"a\":{\"a\":"];

    /// <summary>A whole file of JSON.</summary>
    public static byte[] Change(byte[] bytes, byte[] partner, Random random) => Encoding.UTF8.GetBytes(Change(Encoding.UTF8.GetString(bytes), random));

    /// <summary>JSON text with one change.</summary>
    public static string Change(string json, Random random)
    {
        List<string> tokens = [.. Token().EnumerateMatches(json).ToList(json)];
        if (tokens.Count == 0)
            return json;
        int at = random.Next(tokens.Count), length = Math.Min(random.Next(1, 24), tokens.Count - at);
        switch (random.Next(7))
        {
            case 0:
                int number = tokens.FindIndex(at, t => char.IsDigit(t[0]) || t[0] == '-');
                if (number >= 0)
                    tokens[number] = random.Next(4) == 0 ? $"{(ulong)ByteMutations.Integer(random)}" : random.Next(3) == 0 ? $"{random.Next(40)}"
                        : $"{ByteMutations.Integer(random)}";
                break;
            case 1:
                int text = tokens.FindIndex(at, t => t[0] == '"');
                if (text >= 0)
                    tokens[text] = random.Next(2) == 0 ? Strings[random.Next(Strings.Length)]
                        : tokens.Where(t => t[0] == '"').ElementAt(random.Next(tokens.Count(t => t[0] == '"')));
                break;
            case 2:
                tokens.RemoveRange(at, length);
                break;
            case 3:
                tokens.InsertRange(random.Next(tokens.Count + 1), tokens.GetRange(at, length));
                break;
            case 4:
                int other = random.Next(tokens.Count);
                (tokens[at], tokens[other]) = (tokens[other], tokens[at]);
                break;
            case 5:
                tokens[at] = Others[random.Next(Others.Length)];
                break;
            default:
                tokens.Insert(at, Others[random.Next(Others.Length)]);
                break;
        }
        return string.Concat(tokens);
    }

    private static IEnumerable<string> ToList(this Regex.ValueMatchEnumerator matches, string json)
    {
        List<string> tokens = [];
        foreach (ValueMatch match in matches)
            tokens.Add(json.Substring(match.Index, match.Length));
        return tokens;
    }

    [GeneratedRegex("""
        "(?:\\.|[^"\\])*"?|-?[0-9.eE+]+|[a-z]+|\s+|.
        """, RegexOptions.CultureInvariant | RegexOptions.Singleline)]
    private static partial Regex Token();
}
