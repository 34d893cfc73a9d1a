using PatchDpo.Torch.Clip;
using PatchDpo.Torch.Images;
using ProceduralCharacters;
using static TorchSharp.torch;

namespace TrainEmbeddedModels;

/// <summary>Images with their captions, captions with one change, and the references of who is shown.</summary>
internal sealed record CaptionedPool(Tensor Images, Tensor References, Tensor Texts, Tensor ChangedTexts) : IDisposable
{
    /// <summary>Draws.</summary>
    /// <param name="described">
    /// Whether captions of half of the images tell two parts' colours besides the prompt, so that image features hold identity as well.
    /// </param>
    public static CaptionedPool Draw(ClipTokenizer tokenizer, int count, int firstSeed, bool described)
    {
        (ImageBuffer Image, ImageBuffer Reference, string Text, string Changed)[] drawn = Enumerable.Range(firstSeed, count).AsParallel().AsOrdered()
            .Select(seed => seed % 6 == 5 ? Pair(seed) : Single(seed, described && seed % 2 == 0)).ToArray();
        return new CaptionedPool(
            PixelPool.Pack(drawn.Select(d => d.Image).ToArray()),
            PixelPool.Pack(drawn.Select(d => d.Reference).ToArray()),
            tokenizer.EncodeBatch(drawn.Select(d => d.Text).ToArray()),
            tokenizer.EncodeBatch(drawn.Select(d => d.Changed).ToArray()));
    }

    private static (ImageBuffer Image, ImageBuffer Reference, string Text, string Changed) Single(int seed, bool described)
    {
        Character character = Character.Random(seed);
        Prompt prompt = seed % 8 == 0 ? Prompt.OnWhite(character.Kind) : Prompt.Varied(character.Kind, seed);
        Prompt changed = prompt.WithOneChange(seed);
        (string text, string other) = described
            ? (Caption.Of(character, prompt, seed), Caption.Of(character, changed, seed))
            : (prompt.Text, changed.Text);
        return (CharacterRenderer.Render(character, prompt, seed).Image, CharacterRenderer.RenderReference(character).Image, text, other);
    }

    private static (ImageBuffer Image, ImageBuffer Reference, string Text, string Changed) Pair(int seed)
    {
        var duo = Duo.Random(seed, onWhite: seed % 5 == 0);
        Character subject = seed % 4 < 2 ? duo.Left : duo.Right;
        return (CharacterRenderer.Render(duo, seed)[0].Image, CharacterRenderer.RenderReference(subject).Image, duo.Text, duo.WithOneChange(seed).Text);
    }

    public void Dispose()
    {
        Images.Dispose();
        References.Dispose();
        Texts.Dispose();
        ChangedTexts.Dispose();
    }
}
