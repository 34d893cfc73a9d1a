using System.Diagnostics;
using System.Globalization;

namespace PatchDpo.Tests;

/// <summary>Starts programs by Open MPI's mpirun.</summary>
internal static class MpiRun
{
    /// <summary>Why there is no mpirun to start; null: there is one.</summary>
    public static string? WhyMissing { get; } = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
        .Any(folder => File.Exists(Path.Combine(folder, "mpirun"))) ? null : "Open MPI's mpirun is not installed (on Debian: openmpi-bin).";

    /// <summary>How to start so many processes of a program.</summary>
    /// <param name="ranks">How many.</param>
    /// <param name="program">How one is started.</param>
    public static ProcessStartInfo Prepare(int ranks, ProcessStartInfo program) => Prepare((ranks, program));

    /// <summary>How to start processes of several programs together.</summary>
    /// <param name="programs">How many of each, and how one is started.</param>
    public static ProcessStartInfo Prepare(params (int Ranks, ProcessStartInfo Program)[] programs)
    {
        string[] each = [.. programs.SelectMany((p, i) => (string[])[.. i > 0 ? [":"] : Array.Empty<string>(), "-n", p.Ranks.ToString(CultureInfo.InvariantCulture),
            p.Program.FileName, .. p.Program.ArgumentList])];
        // As many as are asked for, on whatever cores there are, also as root in a container.
        ProcessStartInfo start = new("mpirun", ["--oversubscribe", "--bind-to", "none", .. each])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach ((string name, string value) in new[]
        {
            ("OMPI_ALLOW_RUN_AS_ROOT", "1"), ("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1"), ("OMP_NUM_THREADS", "1"), ("OMP_WAIT_POLICY", "PASSIVE"),
            // mpirun gives its processes a terminal, to which .NET would say how it wants its keys.
            ("TERM", "dumb"),
        })
            start.Environment[name] = value;
        return start;
    }
}
