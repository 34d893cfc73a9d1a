using System.Diagnostics;

namespace PatchDpo.Tests;

/// <summary>A file system in memory of a fixed size.</summary>
internal sealed class SmallDisk : IDisposable
{
    private SmallDisk(string path) => Path = path;

    public string Path { get; }

    /// <summary>Mounts one, or skips the test where that is not permitted.</summary>
    public static SmallDisk MountOrSkip(string path, int bytes)
    {
        Skip.IfNot(File.Exists("/bin/mount"), "There is no /bin/mount here.");
        Directory.CreateDirectory(path);
        (int exitCode, string errors) = Run("/bin/mount", "-t", "tmpfs", "-o", $"size={bytes}", "tmpfs", path);
        Skip.If(exitCode != 0, $"A tmpfs cannot be mounted here: {errors.Trim()}");
        return new SmallDisk(path);
    }

    public void Dispose() => Assert.Equal(0, Run("/bin/umount", Path).ExitCode);

    private static (int ExitCode, string Errors) Run(string program, params string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
        string errors = process.StandardError.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, errors);
    }
}
