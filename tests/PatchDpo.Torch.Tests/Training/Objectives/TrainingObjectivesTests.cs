using PatchDpo.Torch.Tests.Personalization;
using PatchDpo.Torch.Training;
using PatchDpo.Torch.Training.Objectives;

namespace PatchDpo.Torch.Tests.Training.Objectives;

public class TrainingObjectivesTests(TinyModelFixture fixture) : IClassFixture<TinyModelFixture>
{
    [Fact]
    public void Every_objective_has_a_name_and_is_made()
    {
        TrainingObjective[] kinds = Enum.GetValues<TrainingObjective>();
        Assert.Equal(kinds, TrainingObjectives.Names.Select(TrainingObjectives.Parse));
        Assert.Equal(TrainingObjectives.Names, kinds.Select(TrainingObjectives.NameOf));
        Assert.All(kinds, kind => Assert.NotNull(TrainingObjectives.Create(new() { Objective = kind }, fixture.Model.Schedule)));
    }

    [Fact]
    public void What_is_no_objective_is_refused_and_never_taken_for_another()
    {
        const TrainingObjective Unknown = (TrainingObjective)99;
        Assert.Contains("diffusion-dpo", Assert.Throws<ArgumentException>(() => TrainingObjectives.Parse("dpo")).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => TrainingObjectives.NameOf(Unknown));
        Assert.Throws<ArgumentOutOfRangeException>(() => new PatchDpoTrainerOptions { Objective = Unknown });
        foreach (TrainingObjective kind in new[] { Unknown, TrainingObjective.DiffusionDpo })
            Assert.Throws<ArgumentOutOfRangeException>(() => new WeightedErrorObjective(kind, new(), fixture.Model.Schedule, null).FitWeights([]));
    }
}
