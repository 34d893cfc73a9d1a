using PatchDpo.Torch.Foundation;

namespace PatchDpo.Torch.Tests.Documentation;

public sealed class ErrorsPageTests
{
    [SkippableFact]
    public void The_page_of_errors_has_every_exception_that_the_library_defines()
    {
        Skip.If(Fixtures.Repository is null, "The repository's documents are not here.");
        string page = File.ReadAllText(Path.Combine(Fixtures.Repository, "docs", "errors.md"));
        string[] names = typeof(TorchRuntime).Assembly.GetExportedTypes().Where(t => t.IsSubclassOf(typeof(Exception)) && !t.IsAbstract).Select(t => t.Name)
            .ToArray();
        Assert.True(names.Length >= 15, $"Only {names.Length} exceptions were found.");
        Assert.All(names, name => Assert.Contains($"\n| `{name}` ", page, StringComparison.Ordinal));
    }

    [Fact]
    public void The_librarys_exceptions_have_one_base_but_for_arguments()
        => Assert.All(
            typeof(TorchRuntime).Assembly.GetExportedTypes().Where(t => t.IsSubclassOf(typeof(Exception)) && t != typeof(PatchDpoException)),
            t => Assert.True(t.IsSubclassOf(typeof(PatchDpoException)) || t.IsSubclassOf(typeof(ArgumentException)), t.Name));
}
