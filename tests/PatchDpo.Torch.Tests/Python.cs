namespace PatchDpo.Torch.Tests;

/// <summary>Debian's Python with PyTorch and numpy: a second opinion, where it is installed.</summary>
internal static class Python
{
    private const string Program = "/usr/bin/python3";

    /// <summary>Runs a script and gives the lines that it prints; skips the test where Python or a module that the script imports is missing.</summary>
    public static string[] RunOrSkip(string script, params string[] arguments)
    {
        Skip.IfNot(File.Exists(Program), $"'{Program}' is not here.");
        (int exitCode, string output, string errors) = ChildProcess.Finish(ChildProcess.Start(Program, ["-c", script, .. arguments]));
        Skip.If(errors.Contains("ModuleNotFoundError", StringComparison.Ordinal), $"'{Program}' lacks a module: {errors.TrimEnd().Split('\n')[^1]}");
        Assert.True(exitCode == 0, errors);
        return output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }
}
