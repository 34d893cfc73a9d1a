using PatchDpo.Mpi;

namespace PatchDpo.Tool.Shared;

/// <summary>The processes that an MPI launcher started with this one, as the program knows them.</summary>
internal static class RankGroup
{
    // All ranks meet the same fault of a command line or a file: the first one tells it, and ends the others before they do.
    private static readonly TimeSpan AfterFirst = TimeSpan.FromSeconds(2);

    private static MpiProcessGroup? s_joined;

    /// <summary>What started this process; null where it was started alone.</summary>
    /// <exception cref="MpiException">The launcher's variables make no sense.</exception>
    public static MpiLauncher? Launcher { get; } = MpiLauncher.Find() is { Size: > 1 } launcher ? launcher : null;

    /// <summary>Whether this process is the one that speaks and writes.</summary>
    public static bool IsFirst => Launcher is not { Rank: > 0 };

    /// <summary>Joins the other processes; null where there are none.</summary>
    /// <param name="timeout">How long they are waited for.</param>
    public static MpiProcessGroup? Join(TimeSpan timeout) => Launcher is null ? null : s_joined ??= MpiProcessGroup.Join(timeout);

    /// <summary>The command is done: waits for the others.</summary>
    public static void Complete() => s_joined?.Complete();

    /// <summary>Tells a fault once for all ranks that have it, and ends them.</summary>
    /// <param name="tell">Tells it, and gives the exit code.</param>
    /// <param name="errors">Where to.</param>
    public static int Fail(Func<int> tell, TextWriter errors)
    {
        if (!IsFirst)
        {
            Thread.Sleep(AfterFirst);
            errors.Write($"rank {Launcher!.Rank}: ");
        }
        int code = tell();
        errors.Flush();
        s_joined?.Abort(code);
        return code;
    }
}
