namespace PatchDpo.Documents.Tests;

/// <summary>The repository's files.</summary>
internal static class Repository
{
    /// <summary>Its root, found from this test upwards; null where the tests run elsewhere.</summary>
    public static string? Root { get; } = Find();

    /// <summary>The full path of a file or folder of the repository; the test is skipped where there is none.</summary>
    public static string PathOf(params string[] parts)
    {
        Skip.If(Root is null, "The repository's documents are not here.");
        return Path.Combine([Root, .. parts]);
    }

    private static string? Find()
    {
        DirectoryInfo? folder = new(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "PatchDpo.sln")))
            folder = folder.Parent;
        return folder?.FullName;
    }
}
