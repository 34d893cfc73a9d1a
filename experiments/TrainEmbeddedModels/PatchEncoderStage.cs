using PatchDpo.Torch.Images;
using PatchDpo.Torch.Loop;
using PatchDpo.Torch.PatchEncoders;
using PatchDpo.Torch.Vision.Dino;
using ProceduralCharacters;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TrainEmbeddedModels;

/// <summary>
/// Trains the patch encoder as the method has it: a classifier first (here of kinds and scenes), then self-supervision of its
/// patch features: no labels, two views of one drawn image, views with recoloured regions as negatives, cosines graded by likeness.
/// </summary>
internal static class PatchEncoderStage
{
    private const int PoolSize = 3000;
    private const int Batch = 16;
    private const int ClassifierSteps = 600;
    private const int FullSteps = 600;
    private const int Scenes = 9;
    private static readonly DinoConfig s_config = new() { ImageSize = 64, PatchSize = 4, EmbedDim = 64, Depth = 2, NumHeads = 2, IntermediateSize = 128 };

    public static void Run(TrainingContext context)
    {
        random.manual_seed(context.Seed + 20);
        (ImageBuffer Image, Prompt Prompt)[] pool = Enumerable.Range(6_000_000, PoolSize).AsParallel().AsOrdered().Select(seed =>
        {
            Character character = Character.Random(seed);
            Prompt prompt = seed % 3 == 0 ? Prompt.OnWhite(character.Kind) : Prompt.Varied(character.Kind, seed);
            return (CharacterRenderer.Render(character, prompt, seed).Image, prompt);
        }).ToArray();
        using var model = new DinoVisionTransformer(s_config);
        Classify(context, model, pool);
        TrainingContext.WriteModel(context.OutputFolder("patch_encoder_before"), "model.safetensors", DinoStage.ConfigJson(s_config), model);

        // Mild views: parts keep about their place and size, from which a wrong colour is told. Grading outweighs InfoNCE, whose
        // loss is some hundred times as large as the mean square of a cosine's error.
        var trainer = new PatchEncoderTrainer(new PatchEncoderTrainerOptions
        {
            MaxSteps = context.Steps(FullSteps),
            BatchSize = Batch,
            LearningRate = 1.5e-3,
            ColourJitter = 0.03,
            MinScale = 0.8,
            MaxRotation = 8,
            Perspective = 0.04,
            RecolouredRegions = 2,
            GradedWeight = 500,
            Seed = context.Seed,
        });
        var clock = System.Diagnostics.Stopwatch.StartNew();
        trainer.Train(model, Patches(model), pool.Select(p => p.Image).ToArray(), new DinoPreprocessor(64, 64), p =>
        {
            if (p.Step % 100 == 0)
                context.Log($"patch encoder: step {p.Step} of {p.MaxSteps}, loss {p.Loss:F3}, accuracy {p.Accuracy:P0}, {clock.Elapsed.TotalMilliseconds / p.Step:F0} ms a step");
        });
        TrainingContext.WriteModel(context.OutputFolder("patch_encoder"), "model.safetensors", DinoStage.ConfigJson(s_config), model);
    }

    private static Func<Tensor, Tensor> Patches(DinoVisionTransformer model) => pixels => model.ForwardFeatures(pixels).Patches;

    private static void Classify(TrainingContext context, DinoVisionTransformer model, (ImageBuffer Image, Prompt Prompt)[] pool)
    {
        using Tensor bytes = PixelPool.Pack(pool.Select(p => p.Image).ToArray());
        using Tensor kinds = tensor(pool.Select(p => (long)p.Prompt.Kind).ToArray());
        using Tensor scenes = tensor(pool.Select(p => (long)p.Prompt.Scene).ToArray());
        int kindCount = Enum.GetValues<CharacterKind>().Length;
        using Linear head = Linear(s_config.EmbedDim, kindCount + Scenes);
        var order = new RowOrder(pool.Length, new TrainingDraws(context.Seed + 20));
        (string, Parameter)[] parameters = [.. model.named_parameters(), .. head.named_parameters().Select(p => ($"head.{p.name}", p.parameter))];
        using var loop = new TrainingLoop(parameters, new TrainingLoopOptions
        {
            MaxSteps = ClassifierSteps,
            LearningRate = _ => 5e-4,
            AdamW = new AdamWSettings { WeightDecay = 0 },
        });
        double right = 0;
        loop.Run((step, _) =>
        {
            Tensor index = tensor(order.At((step - 1L) * Batch, Batch));
            Tensor pixels = PixelPool.Normalize(bytes.index_select(0, index), PixelNormalization.ImageNet);
            Tensor logits = head.call(Patches(model)(pixels).mean([1, 2]));
            Tensor kind = logits[.., ..kindCount];
            right = (0.95 * right) + (0.05 * kind.argmax(1).eq(kinds.index_select(0, index)).to(ScalarType.Float32).mean().item<float>());
            return functional.cross_entropy(kind, kinds.index_select(0, index))
                + functional.cross_entropy(logits[.., kindCount..], scenes.index_select(0, index));
        });

        context.Log($"patch encoder: classifier, {ClassifierSteps} steps, right kind {right:P0}");
    }
}
