using System.Diagnostics;

namespace PatchDpo.Tests;

/// <summary>Runs a .NET program of this test's output folder as a process of its own.</summary>
internal static class ChildProcess
{
    /// <summary>Runs a program to its end.</summary>
    /// <param name="assembly">Its assembly's name; its dependencies are among this test's.</param>
    /// <param name="arguments">What it is given.</param>
    public static (int ExitCode, string[] Output, string[] Errors) Run(string assembly, params string[] arguments)
        => Run(Prepare(AppContext.BaseDirectory, assembly, arguments));

    /// <summary>Runs this assembly's own entry point.</summary>
    public static (int ExitCode, string[] Output, string[] Errors) RunSelf(params string[] arguments) => Run(PrepareSelf(arguments));

    /// <summary>How to start this assembly's own entry point.</summary>
    public static ProcessStartInfo PrepareSelf(params string[] arguments)
        => Prepare(AppContext.BaseDirectory, typeof(ChildProcess).Assembly.GetName().Name!, arguments);

    /// <summary>How to start a program, for callers that change its environment.</summary>
    /// <param name="folder">The test's output folder, or a copy of it.</param>
    /// <param name="assembly">Its assembly's name; its dependencies are among this test's.</param>
    /// <param name="arguments">What it is given.</param>
    public static ProcessStartInfo Prepare(string folder, string assembly, params string[] arguments)
    {
        string self = Path.Combine(folder, typeof(ChildProcess).Assembly.GetName().Name!);
        return new ProcessStartInfo(
            Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet",
            ["exec", "--runtimeconfig", self + ".runtimeconfig.json", "--depsfile", self + ".deps.json", Path.Combine(folder, assembly + ".dll"), .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
    }

    /// <summary>Runs a program to its end.</summary>
    public static (int ExitCode, string[] Output, string[] Errors) Run(ProcessStartInfo start)
    {
        (int exitCode, string output, string errors) = RunText(start);
        return (exitCode, Lines(output), Lines(errors));

        static string[] Lines(string text) => text.Split(Environment.NewLine, StringSplitOptions.RemoveEmptyEntries);
    }

    /// <summary>Runs a program to its end; gives its output as it stands.</summary>
    public static (int ExitCode, string Output, string Errors) RunText(ProcessStartInfo start)
    {
        using Process process = Process.Start(start)!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output, errors.Result);
    }
}
