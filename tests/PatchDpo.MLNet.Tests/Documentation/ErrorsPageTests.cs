namespace PatchDpo.MLNet.Tests.Documentation;

public sealed class ErrorsPageTests
{
    [SkippableFact]
    public void The_page_of_errors_has_every_exception_that_the_components_define()
    {
        DirectoryInfo? folder = new(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "PatchDpo.sln")))
            folder = folder.Parent;
        Skip.If(folder is null, "The repository's documents are not here.");
        string page = File.ReadAllText(Path.Combine(folder.FullName, "docs", "errors.md"));
        string[] names = typeof(PatchDpoCatalog).Assembly.GetExportedTypes().Where(t => t.IsSubclassOf(typeof(Exception)) && !t.IsAbstract).Select(t => t.Name)
            .ToArray();
        Assert.NotEmpty(names);
        Assert.All(names, name => Assert.Contains($"\n| `{name}` ", page, StringComparison.Ordinal));
    }
}
