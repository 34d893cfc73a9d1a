using PatchDpo.Torch.Images;
using ProceduralCharacters;
using static TorchSharp.torch;

namespace TrainEmbeddedModels;

/// <summary>Views of characters: the reference, a scene, and a scene of a near-duplicate with the share of parts it keeps.</summary>
internal sealed record ViewPool(Tensor References, Tensor Scenes, Tensor Changed, Tensor SharedParts) : IDisposable
{
    /// <summary>Draws; prompts leave the body's colour alone, since that is identity here.</summary>
    public static ViewPool Draw(int count, int firstSeed)
    {
        (ImageBuffer Reference, ImageBuffer Scene, ImageBuffer Changed, float Shared)[] drawn = Enumerable.Range(firstSeed, count).AsParallel().AsOrdered()
            .Select(seed =>
        {
            Character character = Character.Random(seed);
            int changes = 1 + seed % 5;
            Prompt Request(int offset) => Prompt.Varied(character.Kind, seed + offset) with { BodyColor = null };
            return (
                Reference: CharacterRenderer.RenderReference(character).Image,
                Scene: CharacterRenderer.Render(character, Request(0), seed).Image,
                Changed: CharacterRenderer.Render(character.WithChangedParts(changes, seed), Request(1), seed + 1).Image,
                Shared: 1 - changes / (float)Character.PartCount);
        }).ToArray();
        return new ViewPool(
            PixelPool.Pack(drawn.Select(d => d.Reference).ToArray()),
            PixelPool.Pack(drawn.Select(d => d.Scene).ToArray()),
            PixelPool.Pack(drawn.Select(d => d.Changed).ToArray()),
            tensor(drawn.Select(d => d.Shared).ToArray()));
    }

    public void Dispose()
    {
        References.Dispose();
        Scenes.Dispose();
        Changed.Dispose();
        SharedParts.Dispose();
    }
}
