using PatchDpo.Tests;
using PatchDpo.Torch.Adapters;
using PatchDpo.Torch.Diffusion;
using PatchDpo.Torch.Foundation;
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

namespace PatchDpo.Torch.Tests.Training;

/// <summary>Pairs with several objects, whose image prompts are images of their own.</summary>
public class ImagePromptsTests(TinyFamilies families) : IClassFixture<TinyFamilies>
{
    public static TheoryData<TinyFamily, TinyAdapter> All() => TinyFamilies.All();

    [Theory]
    [MemberData(nameof(All))]
    public void The_reference_alone_is_what_null_means_to_the_last_bit(TinyFamily family, TinyAdapter adapter)
    {
        PersonalizedModel model = families.Model(family, adapter);
        var options = new PatchDpoTrainerOptions { MaxSteps = 3, TextDropout = 0.3, ImageDropout = 0.3, BothDropout = 0.3 };
        byte[] withNull = Train(p => p), itself = Train(p => p with { ImagePrompts = [p.Reference] });
        Assert.Equal(withNull, itself);
        Assert.NotEqual(withNull, Train(p => p with { ImagePrompts = [.. Objects] }));
        LeakCheck.Run(() => Train(p => p with { ImagePrompts = [.. Objects] }));

        byte[] Train(Func<TrainingPair, TrainingPair> change)
        {
            using AdapterLayers tuned = new PatchDpoTrainer(model, options).Train([.. Pairs().Select(change)]);
            return [.. tuned.state_dict().OrderBy(t => t.Key, StringComparer.Ordinal).SelectMany(t => t.Value.bytes.ToArray())];
        }
    }

    [Theory]
    [MemberData(nameof(All))]
    public void The_order_of_the_objects_does_not_matter(TinyFamily family, TinyAdapter adapter)
    {
        PersonalizedModel model = families.Model(family, adapter);
        float[] losses = Losses([.. Objects]), reversed = Losses([.. Objects.Reverse()]), others = Losses([Objects[0], TinyModelFixture.Image(33)]);
        Assert.All(losses.Zip(reversed), l => Assert.Equal(l.First, l.Second, 1e-5f));
        Assert.NotEqual(losses, others);

        float[] Losses(ImageBuffer[] objects)
        {
            var losses = new List<float>();
            var options = new PatchDpoTrainerOptions { MaxSteps = 6, LearningRate = 1e-30, Progress = new DirectProgress<TrainingProgress>(p => losses.Add(p.Loss)) };
            new PatchDpoTrainer(model, options).Train([.. Pairs().Select(p => p with { ImagePrompts = [.. objects] })]).Dispose();
            return [.. losses];
        }
    }

    [Theory]
    [MemberData(nameof(All))]
    public void A_batch_repeats_the_token_sets_of_pairs_with_fewer_objects(TinyFamily family, TinyAdapter adapter)
    {
        using DisposeScope scope = NewDisposeScope();
        PersonalizedModel model = families.Model(family, adapter);
        TrainingPair[] pairs = MixedPairs();
        using PreparedPairs prepared = Prepare(model, pairs);
        Tensor tokens = Batch(prepared, [2, 0, 1], dropImage: [false, false, true]).Conditions.Image["tokens"];
        Tensor alone = Tokens(model.EncodeReferences([pairs[0].Reference])), dropped = Tokens(model.EncodeDroppedReference(1));
        Tensor three = cat([.. pairs[2].ImagePrompts!.Select(i => Tokens(model.EncodeReferences([i])))], 1);
        Tensor rows = cat([three, alone.repeat(1, 3, 1), dropped.repeat(1, 3, 1)]);
        Fixtures.AssertClose(tokens, cat([rows, rows]), 1e-5, "tokens");

        // The training images are the references and the generations as ever.
        Fixtures.AssertClose(Batch(prepared, [2], [false]).Latents, model.EncodeLatents([pairs[2].Reference, pairs[2].Generated]), 1e-5, "latents");

        static Tensor Tokens(ImagePrompt prompt) => prompt["tokens"];
    }

    [Theory]
    [MemberData(nameof(All))]
    public void A_mixed_batch_has_the_loss_of_its_pairs_apart(TinyFamily family, TinyAdapter adapter)
    {
        using DisposeScope scope = NewDisposeScope();
        PersonalizedModel model = families.Model(family, adapter);
        using PreparedPairs prepared = Prepare(model, MixedPairs());
        foreach (bool drop in new[] { false, true })
        {
            float[] apart = [.. Enumerable.Range(0, 3).Select(i => Loss([i], [drop && i == 1]))];
            Assert.Equal(apart.Average(), Loss([0, 1, 2], [false, drop, false]), 1e-5f);
            Assert.Equal((apart[0] + apart[1]) / 2, Loss([0, 1], [false, drop]), 1e-5f);
        }

        float Loss(long[] pairs, bool[] dropImage)
        {
            TrainingStep step = TrainingStep.Forward(model.Schedule, (x, t, c)
                => model.Predict(x, t, c, model.AdapterLayers, 1), Batch(prepared, pairs, dropImage));
            return PatchDpoLoss.Compute(step.Prediction, step.Target, step.Batch.Weights).item<float>();
        }
    }

    [Fact]
    public void Image_prompts_that_are_empty_or_null_are_named_by_their_pair_before_any_work()
    {
        PersonalizedModel model = families.Model(TinyFamily.Sd15, TinyAdapter.Plus);
        TrainingPair[] pairs = Pairs();
        Assert.Contains("Pair 1 has an empty list of image prompts", Error(pairs[0], pairs[1] with { ImagePrompts = [] }), StringComparison.Ordinal);
        Assert.Contains("Pair 2 has null for one of its image prompts", Error(
            pairs[0], pairs[1], pairs[2] with { ImagePrompts = [pairs[0].Reference, null!] }), StringComparison.Ordinal);
        Assert.Contains("Pairs have 7, 9 image prompts", Error(pairs[0] with { ImagePrompts = Several(7) }, pairs[1] with { ImagePrompts = Several(9) }),
            StringComparison.Ordinal);
        LeakCheck.Run(() => Error(pairs[0] with { ImagePrompts = [] }));

        string Error(params TrainingPair[] bad) => Assert.Throws<ArgumentException>("pairs", () => new PatchDpoTrainer(model).Train(bad)).Message;

        static ReferenceImage[] Several(int count) => [.. Enumerable.Range(0, count).Select(i => new ReferenceImage(TinyModelFixture.Image(i)))];
    }

    private static ImageBuffer[] Objects { get; } = [TinyModelFixture.Image(21), TinyPersonalizedModel.Image(25, 40, 50)];

    private static TrainingPair[] MixedPairs()
    {
        TrainingPair[] pairs = Pairs();
        pairs[1] = pairs[1] with { ImagePrompts = [.. Objects.Reverse()] };
        pairs[2] = pairs[2] with { ImagePrompts = [.. Objects, pairs[0].Reference] };
        return pairs;
    }

    private static TrainingPair[] Pairs() => [.. Enumerable.Range(0, 3).Select(i => new TrainingPair(
        $"a thing {i % 2}", TinyModelFixture.Image(i), TinyPersonalizedModel.Image(10 + i, 48, 40), Map(0.2f + (0.1f * i)), Map(0.9f - (0.1f * i))))];

    private static QualityMap Map(float value) => new(2, 2, [value, value, value, value]);

    private static PreparedPairs Prepare(PersonalizedModel model, TrainingPair[] pairs) => new PatchDpoTrainer(model).Prepare(pairs);

    // The noise and the timestep of a pair are the same in every batch.
    private static TrainingBatch Batch(PreparedPairs prepared, long[] pairs, bool[] dropImage)
    {
        Tensor[] noise = [.. pairs.Select(p => RequestNoise.Create(3, [p], prepared.LatentShape, CPU))];
        return prepared.Batch(pairs, new bool[pairs.Length], dropImage, cat(noise), tensor(pairs.Select(p => 100 + (300 * p)).ToArray()), officialTimeIds: false,
            new WeightedErrorObjective(TrainingObjective.PatchDpo, new WeightMapOptions(), prepared.Model.Schedule, null).FitWeights([]));
    }
}
