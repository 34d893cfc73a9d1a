using PatchDpo.Tests;

namespace PatchDpo.Documents.Tests.Samples;

/// <summary>A new current folder, until it is disposed.</summary>
internal sealed class WorkingFolder : IDisposable
{
    private readonly string _before = Environment.CurrentDirectory;
    private readonly TemporaryFolder _folder = new();

    public WorkingFolder() => Environment.CurrentDirectory = _folder.File("");

    public void Dispose()
    {
        Environment.CurrentDirectory = _before;
        _folder.Dispose();
    }
}
