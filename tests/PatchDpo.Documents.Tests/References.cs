using Microsoft.CodeAnalysis;

namespace PatchDpo.Documents.Tests;

/// <summary>The assemblies that code of the documents is compiled against: this test's own.</summary>
internal static class References
{
    public static IReadOnlyList<MetadataReference> All { get; } =
        [.. ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator).Select(path => MetadataReference.CreateFromFile(path))];
}
