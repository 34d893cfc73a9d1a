namespace PatchDpo.Mpi.Tests;

public sealed class MpiLauncherTests
{
    [Fact]
    public void Without_a_launcher_there_is_none() => Assert.Null(Find());

    [Fact]
    public void A_batch_script_of_SLURM_is_no_rank() => Assert.Null(Find("SLURM_PROCID=0", "SLURM_NTASKS=8", "SLURM_LOCALID=0"));

    [Theory]
    [InlineData("OMPI_COMM_WORLD_RANK=5", "OMPI_COMM_WORLD_SIZE=8", "OMPI_COMM_WORLD_LOCAL_RANK=1", "OMPI_COMM_WORLD_LOCAL_SIZE=4")]
    [InlineData("PMIX_RANK=5", "SLURM_NTASKS=8", "SLURM_LOCALID=1", "SLURM_NTASKS_PER_NODE=4")]
    [InlineData("PMI_RANK=5", "PMI_SIZE=8", "MPI_LOCALRANKID=1", "MPI_LOCALNRANKS=4")]
    public void Rank_size_and_local_rank_are_the_launchers(params string[] variables) => Assert.Equal(new MpiLauncher(5, 8, 1, 4), Find(variables));

    [Theory]
    [InlineData("has set OMPI_COMM_WORLD_SIZE to 'many'", "OMPI_COMM_WORLD_RANK=0", "OMPI_COMM_WORLD_SIZE=many")]
    [InlineData("has not set SLURM_NTASKS", "PMIX_RANK=0")]
    [InlineData("rank 2 of 2", "OMPI_COMM_WORLD_RANK=2", "OMPI_COMM_WORLD_SIZE=2")]
    public void Variables_that_make_no_sense_are_named(string message, params string[] variables)
        => Assert.Contains(message, Assert.Throws<MpiException>(() => Find(variables)).Message, StringComparison.Ordinal);

    private static MpiLauncher? Find(params string[] variables)
    {
        Dictionary<string, string> values = variables.Select(v => v.Split('=')).ToDictionary(v => v[0], v => v[1]);
        return MpiLauncher.Find(values.GetValueOrDefault);
    }
}
