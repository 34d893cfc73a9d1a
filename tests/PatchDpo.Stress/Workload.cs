using System.Runtime.InteropServices;
using PatchDpo.Tests;
using PatchDpo.Torch.Adapters;
using PatchDpo.Torch.Clip;
using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Evaluation;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.Pairs;
using PatchDpo.Torch.PatchEncoders;
using PatchDpo.Torch.PatchQuality;
using PatchDpo.Torch.Personalization;
using PatchDpo.Torch.Training;
using PatchDpo.Torch.Vision.Dino;
using static TorchSharp.torch;

namespace PatchDpo.Stress;

/// <summary>What the threads do, each with models of its own: models are not safe for several threads at once.</summary>
internal sealed class Workload : IDisposable
{
    private const int ImageSide = 64;

    private readonly List<IDisposable> _models = [];
    private readonly string _folder = TinyPersonalizedModel.Write(Directory.CreateTempSubdirectory("patchdpo-stress-").FullName);

    /// <summary>Two threads that score with masks, and one each that generates, evaluates, trains with PatchDPO and trains a patch encoder.</summary>
    public IReadOnlyList<Worker> CreateWorkers() =>
    [
        new("score", Scoring()), new("score", Scoring()), new("generate", Generation()), new("evaluate", Evaluation()),
        new("train", Training()), new("train encoder", EncoderTraining()),
    ];

    public void Dispose()
    {
        _models.ForEach(m => m.Dispose());
        Directory.Delete(_folder, recursive: true);
    }

    private Func<byte[]> Scoring()
    {
        var estimator = new PatchQualityEstimator(Own(PatchEncoder.LoadEmbedded()));
        ImageBuffer[] generated = [.. Enumerable.Range(0, 2).Select(Image)], references = [.. Enumerable.Range(8, 2).Select(Image)];
        bool[,]?[] masks = [.. Enumerable.Range(0, 2).Select(Mask)];
        return () => Bytes(estimator.Score(generated, references, masks, masks).Select(r => (double)r.Score));
    }

    private Func<byte[]> Generation()
    {
        PersonalizedModel model = Own(PersonalizedModel.Load(_folder));
        GenerationRequest[] requests = [.. Enumerable.Range(0, 2).Select(i => new GenerationRequest($"a thing {i}", [Image(i)]))];
        var options = new GenerationOptions { Steps = 2 };
        return () => [.. model.Generate(requests, options).SelectMany(i => i.Pixels)];
    }

    private Func<byte[]> Evaluation()
    {
        DinoVisionTransformer dino = Own(DinoVisionTransformer.FromFolder(EmbeddedModels.EvaluationDino));
        ClipModel clip = Own(ClipModel.FromFolder(EmbeddedModels.EvaluationClip));
        var evaluator = new PersonalizationEvaluator(dino, clip, new PatchQualityEstimator(Own(PatchEncoder.LoadEmbedded())));
        EvaluationRow[] rows = [.. Enumerable.Range(0, 4).Select(i => new EvaluationRow($"subject {i % 2}", $"a thing {i}", Image(i), [Image(20 + (i % 2))]))];
        return () =>
        {
            PersonalizationMetrics m = evaluator.Evaluate(rows);
            return Bytes([m.Dino!.Mean, m.ClipI!.Mean, m.ClipT!.Mean, m.PatchQuality!.Mean]);
        };
    }

    private Func<byte[]> Training()
    {
        PersonalizedModel model = Own(PersonalizedModel.Load(_folder));
        TrainingPair[] pairs = [.. Enumerable.Range(0, 2).Select(i => new TrainingPair($"a thing {i}", Image(i), Image(i + 2), Map(0.3f), Map(0.7f)))];
        return () =>
        {
            using AdapterLayers tuned = new PatchDpoTrainer(model, new() { MaxSteps = 2, BatchSize = 1, LearningRate = 1e-3 }).Train(pairs);
            return Bytes(tuned);
        };
    }

    private static Func<byte[]> EncoderTraining()
    {
        ImageBuffer[] images = [.. Enumerable.Range(0, 4).Select(Image)];
        return () =>
        {
            var encoder = (ITrainableVisionEncoder)PatchEncoder.FromFolder(EmbeddedModels.PatchEncoderBefore);
            using var module = (nn.Module)encoder;
            new PatchEncoderTrainer(new() { MaxSteps = 2, BatchSize = 2 }).Train(encoder, images);
            return Bytes(module);
        };
    }

    private T Own<T>(T model) where T : IDisposable
    {
        _models.Add(model);
        return model;
    }

    private static byte[] Bytes(IEnumerable<double> numbers) => MemoryMarshal.AsBytes<double>(numbers.ToArray()).ToArray();

    private static byte[] Bytes(nn.Module module) => [.. module.state_dict().OrderBy(t => t.Key, StringComparer.Ordinal)
        .SelectMany(t => t.Value.bytes.ToArray())];

    private static QualityMap Map(float value) => new(2, 2, [value, value, value, value]);

    private static bool[,] Mask(int seed)
    {
        bool[,] mask = new bool[8, 8];
        for (int i = 0; i < 64; i++)
            mask[i / 8, i % 8] = i % (seed + 2) == 0;
        return mask;
    }

    private static ImageBuffer Image(int seed)
    {
        byte[] pixels = new byte[ImageSide * ImageSide * 3];
        new Random(seed).NextBytes(pixels);
        return new ImageBuffer(ImageSide, ImageSide, 3, pixels);
    }
}
