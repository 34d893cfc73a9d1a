using System.Globalization;

namespace PatchDpo.Mpi;

/// <summary>What started this process: one of several, by an MPI launcher, or alone.</summary>
/// <param name="Rank">This process's number, from 0.</param>
/// <param name="Size">How many processes there are.</param>
/// <param name="LocalRank">This process's number among those of its machine, from 0: which of the machine's devices is its own.</param>
/// <param name="LocalSize">How many processes there are on its machine; 1 where the launcher does not say.</param>
/// <remarks>
/// Read from the variables of <c>mpirun</c> (OMPI_COMM_WORLD_*), <c>srun --mpi=pmix</c> (PMIX_RANK, SLURM_*) and of launchers of the PMI kind (PMI_*); nothing of
/// MPI is loaded.
/// </remarks>
public sealed record MpiLauncher(int Rank, int Size, int LocalRank, int LocalSize)
{
    // Rank, size, local rank, local size. A batch script of SLURM has its variables too, but no PMIX_RANK: it was started by no launcher.
    private static readonly string[][] Launchers =
    [
        ["OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK", "OMPI_COMM_WORLD_LOCAL_SIZE"],
        ["PMIX_RANK", "SLURM_NTASKS", "SLURM_LOCALID", "SLURM_NTASKS_PER_NODE"],
        ["PMI_RANK", "PMI_SIZE", "MPI_LOCALRANKID", "MPI_LOCALNRANKS"],
    ];

    /// <summary>This process's launcher; null where it was started alone.</summary>
    /// <exception cref="MpiException">A variable of the launcher is no number, or missing.</exception>
    public static MpiLauncher? Find() => Find(Environment.GetEnvironmentVariable);

    internal static MpiLauncher? Find(Func<string, string?> variable)
    {
        foreach (string[] names in Launchers)
        {
            if (variable(names[0]) is null)
                continue;
            (int rank, int size) = (Number(names[0]), Number(names[1]));
            if (size < 1 || rank >= size)
                throw new MpiException($"The launcher says that this is rank {rank} of {size} processes ({names[0]}, {names[1]}), which cannot be.");
            return new MpiLauncher(rank, size, Number(names[2], 0), Math.Max(1, Number(names[3], 1)));
        }
        return null;

        int Number(string name, int? absent = null) => variable(name) switch
        {
            null when absent is int value => value,
            null => throw new MpiException($"The launcher has not set {name}. Start with Open MPI's mpirun, or srun --mpi=pmix."),
            string text when int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int value) => value,
            string text => throw new MpiException($"The launcher has set {name} to '{text}', which is no number."),
        };
    }
}
