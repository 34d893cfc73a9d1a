using PatchDpo.Torch.Adapters;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Pairs;
using PatchDpo.Torch.PatchQuality;
using PatchDpo.Torch.Personalization;
using PatchDpo.Torch.Tests.Personalization;
using PatchDpo.Torch.Training;
using PatchDpo.Torch.Training.Data;
using PatchDpo.Torch.Training.Objectives;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Training.Objectives;

public class TrainingObjectiveTests(TinyModelFixture fixture) : IClassFixture<TinyModelFixture>
{
    private readonly PersonalizedModel _model = fixture.Model;

    // p of the reference 0.2 and 0.6, of the generated image 0.5 and 0.9, each in two patches; with contrast 2.
    [Theory]
    [InlineData(TrainingObjective.PatchDpo, new[] { 0.96f, 0.64f }, new[] { 0.25f, 0.81f })]
    [InlineData(TrainingObjective.Reconstruction, new[] { 1f, 1f }, new[] { 1f, 1f })]
    [InlineData(TrainingObjective.ReferenceOnly, new[] { 1f, 1f }, new[] { 0f, 0f })]
    [InlineData(TrainingObjective.ImageLevel, new[] { 0.6f, 0.6f }, new[] { 0.7f, 0.7f })]
    [InlineData(TrainingObjective.ImageLevelSameMass, new[] { 0.8f, 0.8f }, new[] { 0.53f, 0.53f })]
    public void Each_objective_weights_the_two_images_as_its_name_says(TrainingObjective objective, float[] reference, float[] generated)
    {
        var weighting = new WeightedErrorObjective(objective, new WeightMapOptions { Contrast = 2 }, _model.Schedule, null);
        TrainingPair pair = new("a", TinyModelFixture.Image(1), TinyModelFixture.Image(2), new QualityMap(1, 2, [0.2f, 0.6f]),
            new QualityMap(1, 2, [0.5f, 0.9f]));
        using Tensor weights = weighting.FitWeights([pair.ReferenceQuality, pair.GeneratedQuality])([PairRecord.Of(pair), PairRecord.Of(pair)], 2, 2);
        Assert.Equal([2L, 2, 2, 2], weights.shape);
        float[] expected = [.. reference, .. reference, .. generated, .. generated];
        float[] actual = weights.data<float>().ToArray();
        for (int i = 0; i < actual.Length; i++)
            Assert.Equal(expected[i % 8], actual[i], 1e-5);
    }

    [Fact]
    public void Diffusion_dpo_is_minus_log_sigmoid_of_what_the_reference_gained_on_the_generated_image()
    {
        using DisposeScope scope = NewDisposeScope();
        // Errors of the trained model: 1 and 4 for the references, 9 and 1 for the generated images; of the untrained one 4, 4, 4, 4.
        Tensor prediction = tensor([1f, 2, 3, 1]).reshape(4, 1, 1, 1), untrained = full([4, 1, 1, 1], 2f);
        var step = new TrainingStep(null!, zeros_like(prediction), prediction, zeros_like(prediction));
        ObjectiveLoss loss = new DiffusionDpoObjective(beta: 0.5).Loss(step, () => untrained);
        // The first pair's margin: -((1 - 4) - (9 - 4)) = 8; the second's: -((4 - 4) - (1 - 4)) = -3.
        double expected = (-Math.Log(Sigmoid(0.25 * 8)) - Math.Log(Sigmoid(0.25 * -3))) / 2;
        Assert.Equal(expected, loss.Value.item<float>(), 1e-5);
        Assert.Equal(0.5f, loss.ImplicitAccuracy);

        static double Sigmoid(double x) => 1 / (1 + Math.Exp(-x));
    }

    [Fact]
    public void Diffusion_dpo_compares_with_the_model_before_training_and_so_starts_at_log_2()
    {
        var progress = new List<TrainingProgress>();
        Train(new() { Objective = TrainingObjective.DiffusionDpo, MaxSteps = 3, LearningRate = 1e-2, Progress = new DirectProgress<TrainingProgress>(progress.Add) })
            .Dispose();
        Assert.Equal(Math.Log(2), progress[0].Loss, 1e-5);
        Assert.Equal(0f, progress[0].ImplicitAccuracy);
        Assert.All(progress.Skip(1), p => Assert.NotEqual(Math.Log(2), p.Loss, 1e-5));
    }

    [Fact]
    public void Every_objective_trains_other_weights_and_only_diffusion_dpo_reports_an_accuracy()
    {
        var results = new HashSet<string>();
        foreach (TrainingObjective objective in Enum.GetValues<TrainingObjective>())
        {
            TrainingProgress? last = null;
            using AdapterLayers tuned = Train(new() { Objective = objective, MaxSteps = 2, LearningRate = 1e-2,
                Weights = new WeightMapOptions { Contrast = 3 }, Progress = new DirectProgress<TrainingProgress>(p => last = p) });
            Assert.Equal(objective == TrainingObjective.DiffusionDpo, last!.ImplicitAccuracy is not null);
            results.Add(string.Join(',', tuned.parameters().SelectMany(p => p.data<float>().ToArray())));
        }

        Assert.Equal(Enum.GetValues<TrainingObjective>().Length, results.Count);
    }

    [Fact]
    public void Min_snr_weighting_is_refused_where_there_are_no_weights()
    {
        ArgumentException error = Assert.Throws<ArgumentException>(() => new PatchDpoTrainer(
            _model, new() { Objective = TrainingObjective.DiffusionDpo, MinSnrGamma = 5 }));
        Assert.Contains("DiffusionDpo", error.Message);
    }

    private AdapterLayers Train(PatchDpoTrainerOptions options) => new PatchDpoTrainer(_model, options).Train(
    [
        new("a", TinyModelFixture.Image(1), TinyModelFixture.Image(2), new QualityMap(1, 2, [0.2f, 0.6f]), new QualityMap(1, 2, [0.5f, 0.9f])),
        new("b", TinyModelFixture.Image(3), TinyModelFixture.Image(4), new QualityMap(1, 2, [0.1f, 0.8f]), new QualityMap(1, 2, [0.4f, 0.7f])),
    ]);
}
