using System.Text.RegularExpressions;

namespace PatchDpo.Torch.Tests.Documentation;

public sealed partial class MethodDocumentTests
{
    [SkippableFact]
    public void Every_line_of_code_that_the_method_quotes_stands_in_its_file()
    {
        Skip.If(Fixtures.Repository is null, "The repository's documents are not here.");
        string folder = Path.Combine(Fixtures.Repository, "docs");
        Match[] quotes = Quote().Matches(File.ReadAllText(Path.Combine(folder, "method.md"))).ToArray();
        Assert.True(quotes.Length >= 15, $"Only {quotes.Length} quotes were found.");
        Assert.All(quotes, quote => Assert.Contains(quote.Groups["code"].Value, File.ReadAllText(Path.Combine(folder, quote.Groups["file"].Value)),
            StringComparison.Ordinal));
    }

    [GeneratedRegex(@"\[`(?<code>[^`]+)`\]\((?<file>[^)]+\.cs)\)")]
    private static partial Regex Quote();
}
