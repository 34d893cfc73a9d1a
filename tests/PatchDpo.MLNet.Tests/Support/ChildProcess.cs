using System.Diagnostics;

namespace PatchDpo.MLNet.Tests.Support;

/// <summary>Runs a .NET program of this test's output folder as a process of its own.</summary>
internal static class ChildProcess
{
    /// <summary>Runs a program to its end.</summary>
    /// <param name="assembly">Its assembly's name; its dependencies are among this test's.</param>
    /// <param name="arguments">What it is given.</param>
    public static (int ExitCode, string[] Output, string[] Errors) Run(string assembly, params string[] arguments)
    {
        string self = Path.ChangeExtension(typeof(ChildProcess).Assembly.Location, null);
        var start = new ProcessStartInfo(Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet") { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (string argument in (string[])["exec", "--runtimeconfig", self + ".runtimeconfig.json", "--depsfile", self + ".deps.json", Path.Combine(AppContext.BaseDirectory, assembly + ".dll"), .. arguments])
            start.ArgumentList.Add(argument);
        using Process process = Process.Start(start)!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, Lines(output), Lines(errors.Result));

        static string[] Lines(string text) => text.Split(Environment.NewLine, StringSplitOptions.RemoveEmptyEntries);
    }
}
