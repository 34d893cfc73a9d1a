using System.Diagnostics;

namespace PatchDpo.Torch.Tests;

/// <summary>Runs other programs.</summary>
internal static class ChildProcess
{
    /// <summary>Starts a program whose output can be read.</summary>
    public static Process Start(string program, params string[] arguments) =>
        Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;

    /// <summary>Starts an assembly of the tests' folder that has an entry point.</summary>
    public static Process StartAssembly(string name, params string[] arguments) =>
        Start(Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet", ["exec", Path.Combine(AppContext.BaseDirectory, name), .. arguments]);

    /// <summary>The same with variables in its environment.</summary>
    public static Process StartAssembly(string name, IReadOnlyDictionary<string, string> environment, params string[] arguments)
    {
        var start = new ProcessStartInfo(Environment.GetEnvironmentVariable("DOTNET_HOST_PATH")
            ?? "dotnet", ["exec", Path.Combine(AppContext.BaseDirectory, name), .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach ((string variable, string value) in environment)
            start.Environment[variable] = value;
        return Process.Start(start)!;
    }

    /// <summary>Waits for the program's end.</summary>
    public static (int ExitCode, string Output, string Errors) Finish(Process started)
    {
        using Process process = started;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output, errors.Result);
    }
}
