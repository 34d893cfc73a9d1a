using PatchDpo.Torch.Evaluation;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.PatchQuality;
using PatchDpo.Torch.Personalization;
using PatchDpo.Torch.Training;
using PatchDpo.Torch.Vision;
using ProceduralCharacters;

namespace Ablation;

/// <summary>Runs all methods with one seed on the same pairs, the same noise and the same held-out requests.</summary>
internal sealed class Experiment(Settings settings, PersonalizedModel model, EvaluationModels evaluation, IVisionEncoder patchEncoder, IVisionEncoder patchEncoderBefore)
{
    /// <summary>Each method's outcome, in the order given, as soon as it is known.</summary>
    public IEnumerable<(Method Method, Outcome Outcome)> Run(IReadOnlyList<Method> methods, SeedData data, int seed)
    {
        IReadOnlyList<ImageBuffer> generated = model.Generate(data.Training.Select(t => new GenerationRequest(t.Prompt, t.ImagePrompts)).ToArray(), WithSeed(seed));
        Dictionary<Estimate, IReadOnlyList<TrainingPair>> pairs = methods.Select(m => m.Estimate).Distinct().ToDictionary(e => e, e => Score(e, data.Training, generated));
        foreach (Method method in methods)
            yield return (method, method.Objective is TrainingObjective objective ? Tune(method, objective, pairs[method.Estimate], data, seed) : Evaluate(model, data, seed));
    }

    private IReadOnlyList<TrainingPair> Score(Estimate estimate, IReadOnlyList<TrainingCase> cases, IReadOnlyList<ImageBuffer> generated)
    {
        ImageBuffer[] references = cases.Select(c => c.Reference).ToArray();
        bool[,]?[] ofReferences = [.. references.Select(r => ForegroundMask.FromPlainBackground(r))];
        bool[,]?[]? ofGenerated = estimate == Estimate.ReferenceMasks ? null : [.. cases.Select(c => c.Foreground())];
        IVisionEncoder encoder = estimate == Estimate.BeforeSelfSupervision ? patchEncoderBefore : patchEncoder;
        IReadOnlyList<PatchQualityResult> quality = new PatchQualityEstimator(encoder).Score(generated, references, ofReferences, ofGenerated);
        return cases.Select((c, i) => new TrainingPair(c.Prompt, c.Reference, generated[i], quality[i].Reference, quality[i].Generated) { ImagePrompts = c.ImagePrompts }).ToArray();
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
        IReadOnlyList<ImageBuffer> images = generator.Generate(data.HeldOut.Select(h => new GenerationRequest(h.Prompt, h.Objects.Select(o => o.Reference).ToArray())).ToArray(), WithSeed(seed));
        (HeldOutCase Case, ImageBuffer Image)[] shown = data.HeldOut.Zip(images).ToArray();
        var objects = shown.SelectMany(s => s.Case.Objects.Select(o => (s.Case, s.Image, Object: o))).ToArray();
        PersonalizationMetrics consistency = Metrics(objects.Select(o => new EvaluationRow(o.Case.Subject, o.Case.Prompt, o.Object.Part(o.Image), [o.Object.Reference])));
        PersonalizationMetrics alignment = Metrics(shown.Select(s => new EvaluationRow(s.Case.Subject, s.Case.Prompt, s.Image, [s.Case.Objects[0].Reference])));
        return new Outcome(
            consistency.Dino!.Mean,
            objects.Average(o => PartAccuracy.Measure(o.Image, o.Object.Truth).WrongParts),
            alignment.ClipT!.Mean,
            shown.SelectMany(s => s.Case.Shown(s.Image)).Average(right => right ? 1 : 0),
            consistency.PatchQuality!.Mean,
            images);
    }

    private PersonalizationMetrics Metrics(IEnumerable<EvaluationRow> rows) => evaluation.CreateEvaluator().Evaluate(rows);

    private static GenerationOptions WithSeed(int seed) => new() { Steps = 16, GuidanceScale = 2, NegativePrompt = "", BatchSize = 16, Seed = seed, ReferenceFusion = ReferenceFusion.Concatenate };
}
