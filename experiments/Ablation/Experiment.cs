using PatchDpo.Torch.Adapters;
using PatchDpo.Torch.Evaluation;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.Pairs;
using PatchDpo.Torch.PatchQuality;
using PatchDpo.Torch.Personalization;
using PatchDpo.Torch.Training;
using PatchDpo.Torch.Training.Data;
using PatchDpo.Torch.Training.Objectives;
using ProceduralCharacters;

namespace Ablation;

/// <summary>Trains and draws with models of its own, so that several can run side by side.</summary>
/// <param name="settings">Of all of them.</param>
/// <param name="encoded">A folder for what is encoded of pairs, which is the same for all methods.</param>
internal sealed class Experiment(Settings settings, string encoded) : IDisposable
{
    private readonly PersonalizedModel _model = PersonalizedModel.LoadEmbedded();
    private readonly EvaluationModels _evaluation = EvaluationModels.LoadEmbedded();
    private PersonalizedModel? _merging;

    // The same model as a MIP-Adapter.
    private PersonalizedModel Merging => _merging ??= PersonalizedModel.Load(
        EmbeddedModels.Generator, new PersonalizedModelOptions { AdapterFamily = "mip-adapter" });

    public void Dispose()
    {
        _model.Dispose();
        _merging?.Dispose();
        _evaluation.Dispose();
    }

    /// <summary>Draws, generates and scores what the methods train on, and evaluates the base.</summary>
    public SeedPairs Prepare(Comparison comparison, IEnumerable<Method> methods, int seed)
    {
        SeedData data = comparison.Draw(seed, settings.Pairs, settings.HeldOutSubjects);
        IReadOnlyList<ImageBuffer> generated = Generate(_model, data.Training, seed);
        IReadOnlyList<ImageBuffer> images = Draw(_model, data.HeldOut, strength: 1, seed);
        return new SeedPairs(
            seed,
            data,
            methods.Select(m => m.Estimate).Distinct().ToDictionary(e => e, e => Pairs(data.Training, generated, e.Score(data.Training, generated))),
            new Curve([Measure(1, data.HeldOut, images)], images, ImplicitAccuracy: null));
    }

    /// <summary>Trains with a method, if it trains at all, and draws the held-out subjects.</summary>
    public Curve Run(Method method, SeedPairs seed) => (method.Objective, method.Merges) switch
    {
        (TrainingObjective objective, _) => Tune(method.Merges ? Merging : _model, method, objective, seed),
        (null, true) => Evaluate(Merging, seed, implicitAccuracy: null),
        _ => seed.Base,
    };

    /// <summary>What the model makes of the prompts, or what was planted in its place.</summary>
    public static IReadOnlyList<ImageBuffer> Generate(PersonalizedModel model, IReadOnlyList<TrainingCase> cases, int seed)
        => cases.All(c => c.Planted is not null) ? [.. cases.Select(c => c.Planted!)]
            : model.Generate(cases.Select(t => new GenerationRequest(t.Prompt, t.ImagePrompts)).ToArray(), WithSeed(seed));

    private static IReadOnlyList<TrainingPair> Pairs(
        IReadOnlyList<TrainingCase> cases, IReadOnlyList<ImageBuffer> generated, IReadOnlyList<QualityMapPair> quality)
        => cases.Select((c, i) => new TrainingPair(c.Prompt, c.Reference, generated[i], quality[i].Reference,
            quality[i].Generated) { ImagePrompts = [.. c.ImagePrompts] }).ToArray();

    private Curve Tune(PersonalizedModel start, Method method, TrainingObjective objective, SeedPairs seed)
    {
        var accuracies = new List<float>();
        var trainer = new PatchDpoTrainer(start, new PatchDpoTrainerOptions
        {
            Objective = objective,
            Weights = method.Weights,
            MaxSteps = settings.Steps,
            BatchSize = settings.BatchSize,
            LearningRate = settings.LearningRate,
            DiffusionDpoBeta = settings.DiffusionDpoBeta,
            Seed = seed.Seed,
            Store = new ConditionStoreOptions { Folder = encoded },
            Progress = new DirectProgress<TrainingProgress>(p =>
            {
                if (p.ImplicitAccuracy is float accuracy && p.Step > settings.Steps * 3 / 4)
                    accuracies.Add(accuracy);
            }),
        });
        using PersonalizedModel tuned = start.WithAdapterLayers(trainer.Train(seed.Pairs[method.Estimate]));
        return Evaluate(tuned, seed, accuracies.Count == 0 ? null : accuracies.Average());
    }

    private Curve Evaluate(PersonalizedModel generator, SeedPairs seed, double? implicitAccuracy)
    {
        var outcomes = new List<Outcome>();
        IReadOnlyList<ImageBuffer>? full = null;
        foreach (double strength in Curve.Strengths)
        {
            IReadOnlyList<ImageBuffer> images = Draw(generator, seed.Data.HeldOut, strength, seed.Seed);
            full ??= images;
            outcomes.Add(Measure(strength, seed.Data.HeldOut, images));
            if (outcomes[^1].ClipT >= seed.Base.Full.ClipT)
                break;
        }

        return new Curve(outcomes, full!, implicitAccuracy);
    }

    private static IReadOnlyList<ImageBuffer> Draw(PersonalizedModel generator, IEnumerable<HeldOutCase> cases, double strength, int seed)
        => generator.Generate(cases.Select(c => new GenerationRequest(c.Prompt, c.Objects.Select(o => o.Named).ToArray())).ToArray(),
            WithSeed(seed) with { AdapterScale = strength, ReferenceFusion = generator.ObjectFusion });

    private Outcome Measure(double strength, IReadOnlyList<HeldOutCase> cases, IReadOnlyList<ImageBuffer> images)
    {
        (HeldOutCase Case, ImageBuffer Image)[] shown = cases.Zip(images).ToArray();
        (HeldOutCase Case, ImageBuffer Image, HeldOutObject Object)[] objects = shown.SelectMany(s => s.Case.Objects.Select(o => (s.Case, s.Image, Object: o)))
            .ToArray();
        // Objects are compared with their references, whole images with their prompts; nothing else is asked for.
        var likeReferences = new PersonalizationEvaluator(_evaluation.Dino, null, new PatchQualityEstimator(_evaluation.PatchEncoder!));
        var likePrompts = new PersonalizationEvaluator(null, _evaluation.Clip, null);
        PersonalizationMetrics consistency = likeReferences.Evaluate(
            objects.Select(o => new EvaluationRow(o.Case.Subject, o.Case.Prompt, o.Object.Part(o.Image), [o.Object.Reference])));
        PersonalizationMetrics alignment = likePrompts.Evaluate(
            shown.Select(s => new EvaluationRow(s.Case.Subject, s.Case.Prompt, s.Image, [s.Case.Objects[0].Reference])));
        return new Outcome(
            strength,
            consistency.Dino!.Mean,
            objects.Average(o => PartAccuracy.Measure(o.Image, o.Object.Truth).WrongParts),
            alignment.ClipT!.Mean,
            shown.SelectMany(s => s.Case.Shown(s.Image)).Average(right => right ? 1 : 0),
            consistency.PatchQuality!.Mean);
    }

    private static GenerationOptions WithSeed(int seed) => new() { Steps = 10, GuidanceScale = 2, NegativePrompt = "", BatchSize = 16, Seed = seed,
        ReferenceFusion = ReferenceFusion.Concatenate };
}
