using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.PatchEncoders;
using PatchDpo.Torch.Personalization;
using ProceduralCharacters;

namespace TrainEmbeddedModels;

/// <summary>Measures what the self-supervised training made of the patch encoder, on held-out characters; writes nothing.</summary>
internal static class QualityStage
{
    private const int Count = 96;
    private const int Side = 64;

    public static void Run(TrainingContext context)
    {
        using PersonalizedModel model = PersonalizedModel.Load(context.OutputFolder("generator"));
        Character[] characters = Enumerable.Range(9_600_000, Count).Select(seed => Character.Random(seed)).ToArray();
        RenderedCharacter[] references = characters.Select(CharacterRenderer.RenderReference).ToArray();
        ImageBuffer[] duplicates = characters.Select((c, i) => CharacterRenderer.RenderReference(c.WithChangedParts(1 + i % 5, i)).Image).ToArray();
        Prompt[] changing = characters.Select((c, i) => Prompt.Varied(c.Kind, 9_650_000 + i) with { Scene = Scene.White }).ToArray();
        RenderedCharacter[] changed = characters.Select((c, i) => CharacterRenderer.Render(c, changing[i], i)).ToArray();
        ImageBuffer[] images = references.Select(r => r.Image).ToArray();
        IReadOnlyList<ImageBuffer> asReference = Generate(characters.Select(c => Prompt.OnWhite(c.Kind)));
        IReadOnlyList<ImageBuffer> asPrompt = Generate(changing);
        HomographyPair[] pairs = HomographyPair.Synthetic(changed.Select(c => c.Image), side: Side).ToArray();
        foreach (string folder in new[] { "patch_encoder_before", "patch_encoder" })
        {
            using IVisionEncoder encoder = PatchEncoder.FromFolder(context.OutputFolder(folder));
            context.Log($"{folder}: rank correlation of p with the true likeness of patches: near-duplicates {ErrorCorrelation.OfPatches(encoder, duplicates, images):F2}, " +
                $"generations {ErrorCorrelation.OfPatches(encoder, asReference, images):F2}; of parts: generations {ErrorCorrelation.OfParts(encoder, asReference, images, references):F2}, " +
                $"of prompts that change the object {ErrorCorrelation.OfParts(encoder, asPrompt, images, changed):F2}; patches matched under a homography {PatchMatchingAccuracy.Measure(encoder, pairs).Accuracy:F3}");
        }

        IReadOnlyList<ImageBuffer> Generate(IEnumerable<Prompt> prompts)
            => model.Generate(prompts.Select((p, i) => new GenerationRequest(p.Text, [images[i]])).ToArray(),
                new GenerationOptions { Steps = 16, GuidanceScale = 2, NegativePrompt = "", BatchSize = 16, Seed = context.Seed });
    }
}
