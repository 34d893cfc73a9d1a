using System.Text.Json;
using PatchDpo.Tests;
using PatchDpo.Torch.Pairs;
using PatchDpo.Torch.PatchQuality;
using PatchDpo.Torch.Tests.Personalization;
using PatchDpo.Torch.Training;

namespace PatchDpo.Torch.Tests.Training;

public sealed class TrainingCourseTests(TinyModelFixture fixture) : IClassFixture<TinyModelFixture>, IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private string Log => _folder.File("log");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Every_step_has_a_line_and_the_numbers_that_progress_has()
    {
        List<TrainingProgress> told = Train(new() { MaxSteps = 4, LearningRateSchedule = new() { WarmupSteps = 2 } });
        JsonElement[] lines = Lines();
        Assert.Equal([1, 2, 3, 4], lines.Select(l => l.GetProperty("step").GetInt32()));
        foreach ((JsonElement line, TrainingProgress progress) in lines.Zip(told))
        {
            Assert.Equal(progress.Loss, line.GetProperty("loss").GetSingle());
            Assert.Equal(progress.LearningRate, line.GetProperty("learningRate").GetDouble());
            Assert.Equal(progress.GradientNorm, line.GetProperty("gradientNorm").GetDouble());
            Assert.True(progress.GradientNorm > 0);
            Assert.True(progress.PairsPerSecond > 0);
        }
        Assert.Equal([0, 1.5e-5, 3e-5, 3e-5], told.Select(p => p.LearningRate));
        Assert.All(told.SkipLast(1), p => Assert.True(p.Remaining > TimeSpan.Zero));
        Assert.Equal(TimeSpan.Zero, told[^1].Remaining);
    }

    [Fact]
    public void TensorBoards_files_hold_the_same_numbers_under_their_steps()
    {
        List<TrainingProgress> told = Train(new() { MaxSteps = 3 });
        EventFile.Scalar[] scalars = [.. Directory.GetFiles(Log, "*tfevents*").SelectMany(EventFile.Read)];
        foreach ((string tag, Func<TrainingProgress, double> value) in new (string, Func<TrainingProgress, double>)[]
        {
            ("loss", p => p.Loss), ("learning_rate", p => p.LearningRate), ("gradient_norm", p => p.GradientNorm),
            ("pairs_per_second", p => p.PairsPerSecond),
        })
            Assert.Equal(told.Select(p => ((long)p.Step, (float)value(p))), scalars.Where(s => s.Tag == tag).Select(s => (s.Step, s.Value)));
    }

    [Fact]
    public void Lines_of_steps_that_are_taken_once_more_and_what_a_killed_process_did_not_finish_are_cut_off()
    {
        PatchDpoTrainerOptions options = new() { MaxSteps = 2, State = new() { Folder = _folder.File("state"), Interval = 1 } };
        Train(options);
        string path = Path.Combine(Log, TrainingCourse.LinesFile), first = File.ReadLines(path).First();
        // As if a third step had been taken and not saved, and a fourth been written in part.
        File.AppendAllText(path, first.Replace("\"step\":1", "\"step\":3", StringComparison.Ordinal) + "\n" + first[..20]);
        Train(options with { MaxSteps = 4 });
        Assert.Equal([1, 2, 3, 4], Lines().Select(l => l.GetProperty("step").GetInt32()));
        Assert.Equal(first, File.ReadLines(path).First());
    }

    private List<TrainingProgress> Train(PatchDpoTrainerOptions options)
    {
        List<TrainingProgress> told = [];
        new PatchDpoTrainer(fixture.Model, options with
        {
            LogFolder = Log,
            Progress = new Torch.Foundation.DirectProgress<TrainingProgress>(told.Add),
        }).Train([new TrainingPair("a", TinyModelFixture.Image(1), TinyModelFixture.Image(2), new QualityMap(1, 1, [0.5f]), new QualityMap(1, 1, [0.6f]))])
            .Dispose();
        return told;
    }

    private JsonElement[] Lines() => [.. File.ReadLines(Path.Combine(Log, TrainingCourse.LinesFile)).Select(l => JsonDocument.Parse(l).RootElement)];
}
