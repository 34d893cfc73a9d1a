using PatchDpo.Torch.Clip;

namespace PatchDpo.Torch.Tests.Clip;

public class UnicodeNfcTests
{
    [Theory]
    [InlineData("plain", "plain")]
    [InlineData("cafe\u0301", "caf\u00e9")]
    [InlineData("caf\u00e9", "caf\u00e9")]
    [InlineData("a\u0323\u0302", "\u1ead")]                 // two marks compose one after the other
    [InlineData("a\u0302\u0323", "\u1ead")]                 // and are brought into order first
    [InlineData("a\u0301\u0301", "\u00e1\u0301")]           // a second mark of the same class is blocked
    [InlineData("\u212b", "\u00c5")]                        // the angstrom sign is a singleton
    [InlineData("\u0958", "\u0915\u093c")]                  // excluded from composition
    [InlineData("\u1112\u1161\u11ab", "\ud55c")]            // Hangul from its three parts
    [InlineData("\uac00\u11a8", "\uac01")]                  // Hangul syllable and trailing consonant
    [InlineData("\u304b\u3099", "\u304c")]                  // Japanese voiced sound mark
    [InlineData("\U0001D15E", "\U0001D157\U0001D165")]      // beyond the basic plane
    [InlineData("\ufb01", "\ufb01")]                        // a compatibility ligature stays
    public void Text_is_composed_as_the_Unicode_standard_says_without_ICU(string text, string expected)
        => Assert.Equal(expected, UnicodeNfc.Normalize(text));

    [Fact]
    public void An_unpaired_surrogate_becomes_the_replacement_character()
        => Assert.Equal("a\ufffd", UnicodeNfc.Normalize("a\ud800"));
}
