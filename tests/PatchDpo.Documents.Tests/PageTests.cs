namespace PatchDpo.Documents.Tests;

/// <summary>The documents' site and the script that runs their commands know every document.</summary>
public sealed class PageTests
{
    [SkippableFact]
    public void Each_document_stands_in_the_sites_table_of_contents()
    {
        string contents = File.ReadAllText(Repository.PathOf("docs", "toc.yml"));
        string[] pages = [.. Directory.GetFiles(Repository.PathOf("docs"), "*.md").Select(page => Path.GetFileName(page)!)];
        Assert.NotEmpty(pages);
        Assert.All(pages, page => Assert.Contains($"href: {page}\n", contents, StringComparison.Ordinal));
    }

    [SkippableFact]
    public void Each_block_of_commands_says_what_it_needs()
    {
        string[] kinds = ["quick", "minutes", "photos", "models", "never,"];
        foreach (string page in Directory.GetFiles(Repository.PathOf("docs"), "*.md").Append(Repository.PathOf("README.md")))
        {
            string[] lines = File.ReadAllLines(page);
            for (int i = 0; i < lines.Length; i++)
                if (lines[i] == "```bash")
                    Assert.True(i > 0 && kinds.Any(kind => lines[i - 1].StartsWith($"<!-- check: {kind} ", StringComparison.Ordinal)),
                        $"{Path.GetFileName(page)}, line {i + 1}: the block lacks <!-- check: ... --> above it (docs/check.sh).");
        }
    }
}
