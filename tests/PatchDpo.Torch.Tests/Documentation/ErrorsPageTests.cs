using PatchDpo.Torch.Runtime;

namespace PatchDpo.Torch.Tests.Documentation;

public sealed class ErrorsPageTests
{
    [SkippableFact]
    public void The_page_of_errors_has_every_exception_that_the_library_defines()
    {
        Skip.If(Fixtures.Repository is null, "The repository's documents are not here.");
        string page = File.ReadAllText(Path.Combine(Fixtures.Repository, "docs", "errors.md"));
        string[] names = typeof(TorchRuntime).Assembly.GetExportedTypes().Where(t => t.IsSubclassOf(typeof(Exception))).Select(t => t.Name).ToArray();
        Assert.True(names.Length >= 15, $"Only {names.Length} exceptions were found.");
        Assert.All(names, name => Assert.Contains($"\n| `{name}` ", page, StringComparison.Ordinal));
    }
}
