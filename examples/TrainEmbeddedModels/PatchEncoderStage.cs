using PatchDpo.Torch.Images;
using PatchDpo.Torch.PatchQuality;
using PatchDpo.Torch.Vision;
using ProceduralCharacters;
using static TorchSharp.torch;

namespace TrainEmbeddedModels;

/// <summary>Trains the patch encoder by itself: no labels, two views of one drawn image, recoloured views as negatives.</summary>
internal static class PatchEncoderStage
{
    private const int PoolSize = 3000;
    private const int FullSteps = 400;
    private static readonly DinoConfig s_config = new() { ImageSize = 64, PatchSize = 4, EmbedDim = 64, Depth = 2, NumHeads = 2, IntermediateSize = 128 };

    public static void Run(TrainingContext context)
    {
        random.manual_seed(context.Seed + 20);
        ImageBuffer[] images = Enumerable.Range(6_000_000, PoolSize).AsParallel().AsOrdered().Select(seed =>
        {
            Character character = Character.Random(seed);
            return seed % 3 == 0
                ? CharacterRenderer.RenderReference(character).Image
                : CharacterRenderer.Render(character, Prompt.Random(character.Kind, seed), seed).Image;
        }).ToArray();
        using var model = new DinoVisionTransformer(s_config);
        var trainer = new PatchEncoderTrainer(new PatchEncoderTrainerOptions { MaxSteps = context.Steps(FullSteps), BatchSize = 24, LearningRate = 2e-3, Seed = context.Seed });
        var clock = System.Diagnostics.Stopwatch.StartNew();
        trainer.Train(model, pixels => model.ForwardFeatures(pixels).Patches, images, new DinoPreprocessor(64, 64), p =>
        {
            if (p.Step % 100 == 0)
                context.Log($"patch encoder: step {p.Step} of {p.MaxSteps}, loss {p.Loss:F3}, accuracy {p.Accuracy:P0}, {clock.Elapsed.TotalMilliseconds / p.Step:F0} ms a step");
        });
        TrainingContext.WriteModel(context.OutputFolder("patch_encoder"), "model.safetensors", DinoStage.ConfigJson(s_config), model);
        Report(context);
    }

    /// <summary>How well p tells the recoloured parts of near-duplicates from the others.</summary>
    private static void Report(TrainingContext context)
    {
        using IVisionEncoder encoder = PatchEncoder.FromFolder(context.OutputFolder("patch_encoder"));
        Character[] characters = Enumerable.Range(9_600_000, 96).Select(seed => Character.Random(seed)).ToArray();
        ImageBuffer[] references = characters.Select(c => CharacterRenderer.RenderReference(c).Image).ToArray();
        ImageBuffer[] changed = characters.Select((c, i) => CharacterRenderer.RenderReference(c.WithChangedParts(1 + i % 5, i)).Image).ToArray();
        double correlation = ErrorCorrelation.Measure(encoder, changed, references);
        context.Log($"patch encoder: rank correlation of p with the true error of a patch {correlation:F2} (near-duplicates with 1 to 5 of 8 parts recoloured)");
    }
}
