using PatchDpo.Tests;

namespace PatchDpo.Tool.Tests;

/// <summary>Runs the program as a process of its own.</summary>
internal static class Tool
{
    public const string Assembly = "patchdpo";

    /// <summary>Runs a command; gives the lines that are not empty.</summary>
    public static (int ExitCode, string[] Output, string[] Errors) Run(string command, params string[] arguments)
        => ChildProcess.Run(Assembly, [command, .. arguments]);

    /// <summary>Runs a command; gives what it wrote as it stands.</summary>
    public static (int ExitCode, string Output, string Errors) RunText(string command, params string[] arguments)
        => ChildProcess.RunText(ChildProcess.Prepare(AppContext.BaseDirectory, Assembly, [command, .. arguments]));
}
