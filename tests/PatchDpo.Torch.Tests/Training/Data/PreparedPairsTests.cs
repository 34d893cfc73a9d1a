using PatchDpo.Tests;
using PatchDpo.Torch.Adapters;
using PatchDpo.Torch.Diffusion;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.Pairs;
using PatchDpo.Torch.PatchQuality;
using PatchDpo.Torch.Personalization;
using PatchDpo.Torch.Tests.Personalization;
using PatchDpo.Torch.Training;
using PatchDpo.Torch.Training.Data;
using PatchDpo.Torch.Training.Objectives;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Training.Data;

public class PreparedPairsTests(TinyModelFixture fixture) : IClassFixture<TinyModelFixture>
{
    private readonly PersonalizedModel _model = fixture.Model;

    [Fact]
    public void A_batch_holds_references_then_generations_with_the_conditions_of_their_pair()
    {
        using DisposeScope scope = NewDisposeScope();
        ImageBuffer shared = TinyModelFixture.Image(0);
        TrainingPair[] pairs =
        [
            Pair("a", shared, TinyModelFixture.Image(10), 0.1f),
            Pair("b", shared, TinyPersonalizedModel.Image(11, 64, 48), 0.2f),
            Pair("a", TinyModelFixture.Image(2), TinyModelFixture.Image(12), 0.3f),
        ];
        using PreparedPairs prepared = Prepare(pairs, new PatchDpoTrainerOptions());
        Tensor noise = randn(2, 4, 8, 8), timesteps = tensor(new long[] { 7, 900 });
        TrainingBatch batch = prepared.Batch([2, 1], [false, false], [false, false], noise, timesteps, officialTimeIds: false, Weights);

        Close(batch.Latents, _model.EncodeLatents([pairs[2].Reference, pairs[1].Reference, pairs[2].Generated, pairs[1].Generated]));
        Close(batch.Noise, cat([noise, noise]));
        Close(batch.Timesteps, cat([timesteps, timesteps]));
        TextConditions text = _model.EncodeText(["a", "b", "a", "b"]);
        Close(batch.Conditions.Text.HiddenStates, text.HiddenStates);
        Close(batch.Conditions.Text.Pooled!, text.Pooled!);
        Close(batch.Conditions.Image["tokens"], _model.EncodeReferences([pairs[2].Reference, shared, pairs[2].Reference, shared])["tokens"]);
        // The second generation is 64 x 48: 42 x 32 pixels after resizing, of which (42 - 32) / 2 = 5 are cut off at the left.
        Close(batch.Conditions.TimeIds,
            tensor(new float[,] { { 32, 32, 0, 0, 32, 32 }, { 32, 32, 0, 0, 32, 32 }, { 32, 32, 0, 0, 32, 32 }, { 48, 64, 0, 5, 32, 32 } }));
        Close(batch.Weights.mean([1, 2, 3]), tensor(new[] { 0.7f, 0.8f, 0.3f, 0.2f }));
    }

    [Fact]
    public void Dropped_conditions_are_the_empty_prompt_and_zero_pixels()
    {
        using DisposeScope scope = NewDisposeScope();
        TrainingPair[] pairs = [Pair("a", TinyModelFixture.Image(0), TinyModelFixture.Image(10), 0.5f)];
        using PreparedPairs prepared = Prepare(pairs, new PatchDpoTrainerOptions());
        TrainingBatch batch = prepared.Batch([0, 0], [true, false], [false, true], zeros(2, 4, 8, 8), tensor(new long[] { 1, 2 }), officialTimeIds: false, Weights);
        Close(batch.Conditions.Text.HiddenStates[..2], _model.EncodeText(["", "a"]).HiddenStates);
        Close(batch.Conditions.Image["tokens"][..2], ImagePrompt.Concat(_model.EncodeReferences([pairs[0].Reference]),
            _model.EncodeDroppedReference(1))["tokens"]);
    }

    [Fact]
    public void Training_on_prepared_pairs_and_saving_need_no_encoders()
    {
        TrainingPair[] pairs = [Pair("a", TinyModelFixture.Image(0), TinyModelFixture.Image(10), 0.5f)];
        using var folder = new TemporaryFolder();
        using PersonalizedModel model = PersonalizedModel.Load(_model.FolderPath);
        var trainer = new PatchDpoTrainer(model, new PatchDpoTrainerOptions { MaxSteps = 2, State = new() { Folder = folder.File("state") } });
        using AdapterLayers expected = trainer.Train(pairs);
        Directory.Delete(folder.File("state"), recursive: true);
        using PreparedPairs prepared = trainer.Prepare(pairs);
        model.ReleaseEncoders();
        model.ReleaseEncoders();
        using PersonalizedModel tuned = model.WithAdapterLayers(trainer.Train(prepared));
        Assert.Equal(Values(expected), Values(tuned.AdapterLayers));
        tuned.SaveAdapter(folder.File("tuned.safetensors"));
        Assert.Throws<ObjectDisposedException>(() => model.EncodeText(["a"]));
        Assert.Throws<ObjectDisposedException>(() => model.EncodeLatents([TinyModelFixture.Image(0)]));
        Assert.Throws<ObjectDisposedException>(() => model.EncodeReferences([TinyModelFixture.Image(0)]));
        Assert.Throws<ObjectDisposedException>(() => trainer.Prepare(pairs));

        static float[] Values(AdapterLayers layers) => [.. layers.parameters().SelectMany(p => p.data<float>().ToArray())];
    }

    [Fact]
    public void Another_training_size_changes_the_latent_grid()
    {
        using PreparedPairs prepared = Prepare([Pair("a", TinyModelFixture.Image(0), TinyModelFixture.Image(10), 0.5f)], new PatchDpoTrainerOptions { Size = 24 });
        Assert.Equal([4, 6, 6], prepared.LatentShape);
        Assert.Throws<ArgumentException>(() => Prepare([Pair("a", TinyModelFixture.Image(0), TinyModelFixture.Image(10), 0.5f)],
            new PatchDpoTrainerOptions { Size = 25 }));
    }

    private PairWeights Weights => new WeightedErrorObjective(TrainingObjective.PatchDpo, new WeightMapOptions(), _model.Schedule, null).FitWeights([]);

    private PreparedPairs Prepare(TrainingPair[] pairs, PatchDpoTrainerOptions options) => new PatchDpoTrainer(_model, options).Prepare(pairs);

    private static TrainingPair Pair(string prompt, ImageBuffer reference, ImageBuffer generated, float quality)
        => new(prompt, reference, generated, new QualityMap(1, 1, [quality]), new QualityMap(1, 1, [quality]));

    private static void Close(Tensor actual, Tensor expected) => Fixtures.AssertClose(actual, expected, 1e-5, "batch");
}
