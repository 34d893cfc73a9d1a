using System.Diagnostics;
using PatchDpo.Tests;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.PatchQuality;
using PatchDpo.Torch.Weights.Safetensors;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Mpi.Tests;

/// <summary><c>mpirun patchdpo train</c>, run as its users run it.</summary>
public sealed class TrainCommandTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly string _model, _pairs;

    public TrainCommandTests()
    {
        TorchRuntime.Initialize();
        _model = TinyPersonalizedModel.Write(_folder.File("model"), family: TinyFamily.Sd15);
        _pairs = _folder.File("pairs");
        List<IReadOnlyList<QualityMapPair>> maps = [];
        for (int sample = 0; sample < 3; sample++)
        {
            string folder = Directory.CreateDirectory(Path.Combine(_pairs, $"sample{sample}")).FullName;
            ImageFile.SavePng(Path.Combine(folder, "a cat_entity_0.png"), TinyPersonalizedModel.Image(sample));
            for (int i = 0; i < 2; i++)
                ImageFile.SavePng(Path.Combine(folder, $"a cat_gen_{i}.png"), TinyPersonalizedModel.Image(10 + (2 * sample) + i));
            QualityMap Map(float value) => new(2, 2, [value, 0.9f, 1 - value, 0.7f]);
            maps.Add([new(Map(0.1f * sample), Map(0.2f)), new(Map(0.3f), Map(0.1f * sample))]);
        }
        QualityMapPickle.Write(Path.Combine(_pairs, "patch_quality.pkl"), maps);
    }

    public void Dispose() => _folder.Dispose();

    [SkippableTheory]
    [InlineData(1, 6)]
    [InlineData(2, 3)]
    [InlineData(3, 2)]
    public void N_ranks_write_the_adapter_of_one_process_with_N_times_the_batch(int ranks, int batch)
    {
        Assert.Equal(0, Alone(Settings("alone", 6)).ExitCode);
        string log = _folder.File($"log-{ranks}");
        (int exitCode, string output, string errors) = OnRanks((ranks, [.. Settings("ranks", batch), "--log", log]));
        Assert.True(exitCode == 0, errors);
        Assert.Contains($"6 pairs, 4 steps of 6{(ranks > 1 ? $" on {ranks} ranks" : "")}, learning rate", output, StringComparison.Ordinal);
        Assert.Equal(1, output.Split("written to").Length - 1);
        // One rank alone speaks and writes.
        Assert.Equal(4, File.ReadAllLines(Path.Combine(log, "training.jsonl")).Length);
        Assert.Equal(1, errors.Split("step 4 of 4").Length - 1);
        AssertClose(Adapter("alone"), Adapter("ranks"));
    }

    [SkippableFact]
    public void A_state_of_two_ranks_is_gone_on_from_with_three_and_with_none()
    {
        Assert.Equal(0, Alone(Settings("straight", 6)).ExitCode);
        foreach ((int ranks, int batch, string steps) in new[] { (2, 3, "2"), (3, 2, "3") })
        {
            (int exitCode, _, string errors) = OnRanks((ranks, State(batch, steps)));
            Assert.True(exitCode == 0, errors);
        }
        (int last, string output, string fault) = Alone(State(6, "4"));
        Assert.True(last == 0, fault);
        Assert.Contains("goes on from step 3", output, StringComparison.Ordinal);
        AssertClose(Adapter("straight"), Adapter("resumed"));

        string[] State(int batch, string steps) => [.. Settings("resumed", batch, steps), "--state", _folder.File("state")];
    }

    [SkippableFact]
    public void Ranks_that_were_given_other_things_end_before_the_first_step_with_what_differs()
    {
        (int exitCode, _, string errors) = OnRanks((1, Settings("a", 3)), (1, [.. Settings("a", 3), "--seed", "7"]));
        Assert.NotEqual(0, exitCode);
        Assert.Contains("error: Rank 1 was started with something else than rank 0 (Seed: 42, there 7).", errors, StringComparison.Ordinal);
        Assert.DoesNotContain("step 1", errors, StringComparison.Ordinal);
        Assert.False(File.Exists(_folder.File("a.safetensors")));
    }

    [SkippableFact]
    public void What_all_ranks_find_wrong_is_told_once()
    {
        (int exitCode, _, string errors) = OnRanks((2, ["train", "--model", _model, "--pairs", _folder.File("none"), "--output", _folder.File("a.bin")]));
        Assert.NotEqual(0, exitCode);
        Assert.Equal(1, errors.Split("error: ").Length - 1);
    }

    [SkippableFact]
    public void A_command_of_one_process_says_so()
    {
        (int exitCode, _, string errors) = OnRanks((2, ["inspect", _model]));
        Assert.NotEqual(0, exitCode);
        Assert.Contains("error: 'inspect' runs as one process, but mpirun started 2.", errors, StringComparison.Ordinal);
    }

    private string[] Settings(string name, int batch, string steps = "4") =>
    [
        "train", "--model", _model, "--pairs", _pairs, "--output", _folder.File(name + ".safetensors"), "--steps", steps, "--batch-size", $"{batch}",
        "--learning-rate", "1e-3", "--rank-timeout", "60",
    ];

    private static (int ExitCode, string Output, string Errors) Alone(string[] arguments)
    {
        ProcessStartInfo start = Program(arguments);
        start.Environment["OMP_NUM_THREADS"] = "1";
        return ChildProcess.RunText(start);
    }

    private static (int ExitCode, string Output, string Errors) OnRanks(params (int Ranks, string[] Arguments)[] programs)
    {
        Skip.If(MpiRun.WhyMissing is not null, MpiRun.WhyMissing);
        return ChildProcess.RunText(MpiRun.Prepare([.. programs.Select(p => (p.Ranks, Program(p.Arguments)))]));
    }

    private static ProcessStartInfo Program(string[] arguments) => ChildProcess.Prepare(AppContext.BaseDirectory, "patchdpo", arguments);

    private float[] Adapter(string name)
    {
        using DisposeScope scope = NewDisposeScope();
        using SafetensorsFile file = SafetensorsFile.Open(_folder.File(name + ".safetensors"));
        return [.. file.ReadAll().OrderBy(t => t.Key, StringComparer.Ordinal).SelectMany(t => t.Value.to(ScalarType.Float32).data<float>().ToArray())];
    }

    private static void AssertClose(float[] expected, float[] actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        Assert.InRange(expected.Zip(actual, (a, b) => Math.Abs((double)a - b)).Max(), 0, 1e-6);
    }
}
