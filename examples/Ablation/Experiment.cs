using PatchDpo.Torch.Evaluation;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.PatchQuality;
using PatchDpo.Torch.Personalization;
using PatchDpo.Torch.Training;
using PatchDpo.Torch.Vision;
using ProceduralCharacters;

namespace Ablation;

/// <summary>Runs all methods with one seed on the same pairs, the same noise and the same held-out requests.</summary>
internal sealed class Experiment(Settings settings, PersonalizedModel model, EvaluationModels evaluation, IVisionEncoder patchEncoder, IVisionEncoder untrainedPatchEncoder)
{
    /// <summary>Each method's outcome, in the order of the settings, as soon as it is known.</summary>
    public IEnumerable<(Method Method, Outcome Outcome)> Run(int seed)
    {
        var data = new SeedData(seed, settings.Pairs, settings.HeldOutSubjects);
        IReadOnlyList<ImageBuffer> generated = model.Generate(data.Training, WithSeed(seed));
        var pairs = new Dictionary<bool, IReadOnlyList<TrainingPair>>
        {
            [true] = Score(patchEncoder, data.Training, generated),
            [false] = Score(untrainedPatchEncoder, data.Training, generated),
        };
        foreach (Method method in settings.Methods)
            yield return (method, method.Objective is TrainingObjective objective ? Tune(method, objective, pairs[method.SelfSupervised], data, seed) : Evaluate(model, data, seed));
    }

    private static IReadOnlyList<TrainingPair> Score(IVisionEncoder encoder, IReadOnlyList<GenerationRequest> requests, IReadOnlyList<ImageBuffer> generated)
    {
        IReadOnlyList<PatchQualityResult> quality = new PatchQualityEstimator(encoder).Score(generated, requests.Select(r => r.References[0]).ToArray());
        return requests.Select((r, i) => new TrainingPair(r.Prompt, r.References[0], generated[i], quality[i].Reference, quality[i].Generated)).ToArray();
    }

    private Outcome Tune(Method method, TrainingObjective objective, IReadOnlyList<TrainingPair> pairs, SeedData data, int seed)
    {
        var accuracies = new List<float>();
        var trainer = new PatchDpoTrainer(model, new PatchDpoTrainerOptions
        {
            Objective = objective,
            Weights = method.Weights,
            MaxSteps = settings.Steps,
            BatchSize = settings.BatchSize,
            LearningRate = settings.LearningRate,
            DiffusionDpoBeta = settings.DiffusionDpoBeta,
            Seed = seed,
            Progress = new ImmediateProgress(p =>
            {
                if (p.ImplicitAccuracy is float accuracy && p.Step > settings.Steps * 3 / 4)
                    accuracies.Add(accuracy);
            }),
        });
        using PersonalizedModel tuned = model.WithAdapterLayers(trainer.Train(pairs));
        return Evaluate(tuned, data, seed) with { ImplicitAccuracy = accuracies.Count == 0 ? null : accuracies.Average() };
    }

    private Outcome Evaluate(PersonalizedModel generator, SeedData data, int seed)
    {
        IReadOnlyList<ImageBuffer> images = generator.Generate(data.HeldOut.Select(h => new GenerationRequest(h.Prompt.Text, [h.Reference])).ToArray(), WithSeed(seed));
        PersonalizationMetrics metrics = evaluation.CreateEvaluator().Evaluate(data.HeldOut.Zip(images, (h, image) => new EvaluationRow(h.Subject, h.Prompt.Text, image, [h.Reference])));
        PartAccuracy[] accuracies = data.HeldOut.Zip(images, (h, image) => PartAccuracy.Measure(image, h.Truth)).ToArray();
        return new Outcome(
            metrics.Dino!.Mean,
            accuracies.Average(a => a.WrongParts),
            metrics.ClipT!.Mean,
            data.HeldOut.Zip(accuracies).SelectMany(x => x.First.Asked(x.Second)).Average(right => right ? 1 : 0),
            metrics.PatchQuality!.Mean);
    }

    private static GenerationOptions WithSeed(int seed) => new() { Steps = 16, GuidanceScale = 2, NegativePrompt = "", BatchSize = 16, Seed = seed };
}
