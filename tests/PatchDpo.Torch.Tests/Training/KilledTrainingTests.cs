using PatchDpo.Tests;
using PatchDpo.Torch.Tests.Weights;
using Xunit.Abstractions;

namespace PatchDpo.Torch.Tests.Training;

public class KilledTrainingTests(ITestOutputHelper output)
{
    // PatchDpo.Stress does a thousand.
    private const int Kills = 12;

    [Fact]
    public void A_training_that_is_killed_at_random_moments_ends_with_the_bits_of_one_that_was_not()
    {
        using var folder = new TemporaryFolder();
        new KilledTraining(arguments => ChildProcess.StartAssembly("PatchDpo.Torch.Tests.dll", [SaveProgram.Train, .. arguments]))
            .Compare(folder.File("training"), Kills, seed: 1, output.WriteLine);
    }
}
