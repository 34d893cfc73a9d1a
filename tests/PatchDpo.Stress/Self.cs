using System.Diagnostics;
using System.Reflection;

namespace PatchDpo.Stress;

/// <summary>This program as a process of its own.</summary>
internal static class Self
{
    /// <summary>How to start it.</summary>
    public static ProcessStartInfo Prepare(string[] arguments)
    {
        string program = Environment.ProcessPath!;
        string[] host = Path.GetFileNameWithoutExtension(program) == "dotnet" ? ["exec", Assembly.GetExecutingAssembly().Location] : [];
        return new ProcessStartInfo(program, [.. host, .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true };
    }
}
