using System.Text.Json;
using PatchDpo.Torch.Clip;

namespace PatchDpo.Torch.Tests.Clip;

public class ClipTokenizerParityTests
{
    private static readonly Lazy<ClipTokenizer> Tokenizer = new(() => ClipTokenizer.FromOpenAiVocabulary(
        Fixtures.Find("09_tokenizer", "bpe_simple_vocab_16e6.txt*")[0]));

    public static TheoryData<string> Fixture() => FixtureCases.Json("09_tokenizer");

    [Theory]
    [MemberData(nameof(Fixture))]
    public void Every_row_that_needs_no_ftfy_matches_the_reference(string json)
    {
        var wrong = new List<string>();
        int compared = 0;
        foreach (JsonElement row in Fixtures.Json(json).GetProperty("rows").EnumerateArray())
        {
            if (!row.GetProperty("same_without_ftfy").GetBoolean() && !row.GetProperty("same_with_nfc_instead_of_ftfy").GetBoolean())
                continue;
            compared++;
            string text = row.GetProperty("text").GetString()!;
            int[] expected = [.. row.GetProperty("ids").EnumerateArray().Select(i => i.GetInt32())];
            IReadOnlyList<int> actual = Tokenizer.Value.Encode(text);
            if (!expected.SequenceEqual(actual))
                wrong.Add($"'{text}': [{string.Join(' ', actual)}], expected [{string.Join(' ', expected)}]");
        }
        Assert.True(compared > 0);
        Assert.True(wrong.Count == 0, $"{wrong.Count} of {compared} rows differ:\n{string.Join('\n', wrong)}");
    }
}
