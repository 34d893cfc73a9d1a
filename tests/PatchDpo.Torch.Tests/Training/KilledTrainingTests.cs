using System.Collections.Concurrent;
using PatchDpo.Tests;
using PatchDpo.Torch.Tests.Weights;
using Xunit.Abstractions;

namespace PatchDpo.Torch.Tests.Training;

public class KilledTrainingTests(ITestOutputHelper output)
{
    // PatchDpo.Stress does a thousand.
    private const int Kills = 100, Trainings = 4;

    [Fact]
    public void Trainings_that_are_killed_at_random_moments_end_with_the_bits_of_one_that_was_not()
    {
        using var folder = new TemporaryFolder();
        ConcurrentQueue<string> lives = [];
        new KilledTraining(arguments => ChildProcess.StartAssembly("PatchDpo.Torch.Tests.dll", KilledTraining.Environment, [SaveProgram.Train, .. arguments]))
            .Compare(folder.File("training"), Kills, Trainings, seed: 1, lives.Enqueue);
        foreach (string life in lives)
            output.WriteLine(life);
        Assert.Equal(Kills, lives.Count);
    }
}
