using System.Diagnostics;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.Personalization;
using ProceduralCharacters;

namespace TrainEmbeddedModels;

/// <summary>Loads what was trained as a user does, generates held-out requests, and measures them against the truth.</summary>
internal static class SampleStage
{
    private const int Columns = 8;
    private const int FullRows = 6;

    public static void Run(TrainingContext context)
    {
        int rowCount = Math.Clamp((int)(FullRows * context.Scale), 2, FullRows);
        var clock = Stopwatch.StartNew();
        using PersonalizedModel model = PersonalizedModel.Load(context.OutputFolder("generator"));
        context.Log($"samples: generator loaded in {clock.ElapsedMilliseconds} ms");
        Character[] characters = Enumerable.Range(0, Columns * rowCount).Select(i => Character.Random(9_300_000 + i, (CharacterKind)(i % 6))).ToArray();
        Prompt[] prompts = characters.Select((c, i) => Prompt.Varied(c.Kind, 9_400_000 + i)).ToArray();
        ImageBuffer[] references = characters.Select(c => CharacterRenderer.RenderReference(c).Image).ToArray();
        RenderedCharacter[] truths = characters.Select((c, i) => CharacterRenderer.Render(c, prompts[i], i)).ToArray();
        clock.Restart();
        var options = new GenerationOptions { Steps = 20, GuidanceScale = 2, AdapterScale = 1, NegativePrompt = "", Seed = context.Seed, BatchSize = 16 };
        IReadOnlyList<ImageBuffer> generated = model.Generate(prompts.Select((p, i) => new GenerationRequest(p.Text, [references[i]])).ToArray(), options);
        context.Log($"samples: {clock.Elapsed.TotalMilliseconds / generated.Count:F0} ms an image of {options.Steps} steps");
        PartAccuracy[] accuracies = generated.Select((g, i) => PartAccuracy.Measure(g, truths[i])).ToArray();
        context.Log($"samples: part-colour error {accuracies.Average(a => a.Error):F3}, wrong parts {accuracies.Average(a => a.WrongParts):P1}");
        var rows = new List<IReadOnlyList<ImageBuffer>>();
        for (int row = 0; row < rowCount; row++)
        {
            var range = new Range(row * Columns, (row + 1) * Columns);
            rows.Add(references[range]);
            rows.Add(truths[range].Select(t => t.Image).ToArray());
            rows.Add(generated.Skip(row * Columns).Take(Columns).ToArray());
        }

        context.SaveSheet("samples.png", rows);
    }
}
