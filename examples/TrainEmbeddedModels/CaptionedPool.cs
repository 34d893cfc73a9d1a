using PatchDpo.Torch.Text;
using ProceduralCharacters;
using static TorchSharp.torch;

namespace TrainEmbeddedModels;

/// <summary>Images with their captions, captions with one change, and the references of who is shown.</summary>
internal sealed record CaptionedPool(Tensor Images, Tensor References, Tensor Texts, Tensor ChangedTexts) : IDisposable
{
    /// <summary>Draws.</summary>
    /// <param name="described">Whether captions of half of the images tell two parts' colours besides the prompt, so that image features hold identity as well.</param>
    public static CaptionedPool Draw(ClipTokenizer tokenizer, int count, int firstSeed, bool described)
    {
        var drawn = Enumerable.Range(firstSeed, count).AsParallel().AsOrdered().Select(seed =>
        {
            Character character = Character.Random(seed);
            Prompt prompt = seed % 8 == 0 ? Prompt.OnWhite(character.Kind) : Prompt.Random(character.Kind, seed);
            Prompt changed = prompt.WithOneChange(seed);
            (string text, string other) = described && seed % 2 == 0
                ? (Caption.Of(character, prompt, seed), Caption.Of(character, changed, seed))
                : (prompt.Text, changed.Text);
            return (CharacterRenderer.Render(character, prompt, seed).Image, Reference: CharacterRenderer.RenderReference(character).Image, Text: text, Changed: other);
        }).ToArray();
        return new CaptionedPool(
            PixelPool.Pack(drawn.Select(d => d.Image).ToArray()),
            PixelPool.Pack(drawn.Select(d => d.Reference).ToArray()),
            tokenizer.EncodeBatch(drawn.Select(d => d.Text).ToArray()),
            tokenizer.EncodeBatch(drawn.Select(d => d.Changed).ToArray()));
    }

    public void Dispose()
    {
        Images.Dispose();
        References.Dispose();
        Texts.Dispose();
        ChangedTexts.Dispose();
    }
}
