using PatchDpo.Torch.Weights;

namespace PatchDpo.Torch.Tests.Weights;

public class KeyTextTests
{
    [Theory]
    [InlineData("conv1.weight", "conv1.weight")]
    [InlineData("größe.重み", "größe.重み")]
    [InlineData("a\nerror: b\r\0\u001b[31m", "a\\u000aerror: b\\u000d\\u0000\\u001b[31m")]
    [InlineData("a\u202eb\u2066\u200f\u2028", "a\\u202eb\\u2066\\u200f\\u2028")]
    [InlineData("it's", "it's")]
    public void What_could_forge_a_line_is_escaped(string text, string expected)
    {
        Assert.Equal(expected, KeyText.Escape(text));
        Assert.Equal($"'{expected.Replace("'", "\\u0027", StringComparison.Ordinal)}'", KeyText.Quote(text));
    }

    [Fact]
    public void Long_texts_are_cut()
    {
        Assert.Equal("abc…", KeyText.Escape("abcd", 3));
        Assert.Equal("abc", KeyText.Escape("abc", 3));
        Assert.Equal($"'{new string('x', 200)}…'", KeyText.Quote(new string('x', 201)));
        Assert.Throws<ArgumentOutOfRangeException>(() => KeyText.Escape("a", -1));
    }
}
