using PatchDpo.Torch.Clip;
using PatchDpo.Torch.Diffusion;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.PatchQuality;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Adapters.Elite;

/// <summary>From a reference and its mask to a word of the text and tokens for the object's patches: the image encoder and both mappers.</summary>
/// <remarks>
/// inference_local.py. The word is the first of the global mapper's, of the whole picture; the tokens are the local mapper's, of the object on black,
/// with zeros where the mask has no object. A missing reference, and the unconditional half of guidance, is the plain prompt without local branch.
/// </remarks>
/// <param name="encoder">The image encoder, with 16 layers at least.</param>
/// <param name="model">The mappers are this object's; the layers are not.</param>
/// <param name="tokenizer">The text encoder's.</param>
/// <param name="dtype">The type of the encoder's and the mappers' weights.</param>
internal sealed class ElitePromptEncoder(ClipVisionEncoder encoder, EliteModel model, ClipTokenizer tokenizer, ScalarType dtype) : ImagePromptEncoder
{
    /// <summary>
    /// The names of an image prompt's tensors: the word <c>(B,1,C)</c>, the object's patches <c>(B,P,C)</c>, the placeholder's token <c>(B,2)</c>, -1 where
    /// the reference is missing, and, beside a prompt, its place there, int64 <c>(B)</c>, -1 where there is none.
    /// </summary>
    public const string Word = "word", Patches = "patches", Token = "token", Place = "place";

    // A token is kept as two numbers below this, which are exact in every type that image prompts may be stored in.
    private const int TokenBase = 256;

    /// <summary>The mappers.</summary>
    public EliteModel Model => model;

    /// <inheritdoc/>
    public override bool ChangesText => true;

    /// <inheritdoc/>
    /// <remarks>The maximum of the placeholder's map is over the batch; the reference generates one picture at a time.</remarks>
    public override bool MixesRows => true;

    /// <inheritdoc/>
    public override string? WhyUnsuitable(string prompt, IReadOnlyList<ReferenceImage> references, ReferenceFusion fusion)
    {
        if (references.Count == 0)
            return null;
        if (references.Count > 1 || references[0].OtherPhotos.Count > 0)
            return $"ELITE takes one picture of one object, and there are {references.Sum(r => 1 + r.OtherPhotos.Count)}.";
        ReferenceImage reference = references[0];
        if (WhyUnsuitable(reference) is string problem)
            return problem;
        return ElitePrompt.Place(prompt, ElitePrompt.Token(reference.Name, tokenizer)!.Value, tokenizer) is null
            ? $"the prompt has no word '{reference.Name ?? ElitePrompt.Placeholder}' within the text encoder's {tokenizer.MaxLength} tokens, in whose place "
                + $"the object stands: \"{prompt}\"; write it there, or name the reference by another word of the prompt."
            : null;
    }

    /// <inheritdoc/>
    public override IEnumerable<string> Warnings(string prompt, IReadOnlyList<ReferenceImage> references, ReferenceFusion fusion)
        => references.Any(r => r.Mask is null) ? ["the reference has no mask; the object is what stands on its plain background."] : [];

    /// <inheritdoc/>
    public override ImagePrompt Encode(IReadOnlyList<ReferenceImage> references)
    {
        ArgumentOutOfRangeException.ThrowIfZero(references.Count);
        for (int i = 0; i < references.Count; i++)
            if (WhyUnsuitable(references[i]) is string problem)
                throw new UnsuitableReferencesException($"row {i}", i, problem);
        using IDisposable noGrad = no_grad();
        using DisposeScope scope = NewDisposeScope();
        (int size, int grid) = (encoder.Config.ImageSize, encoder.Config.GridSize);
        ImageBuffer[] masks = [.. references.Select(r => MaskOf(r)!)];
        IReadOnlyList<Tensor> whole = States(references.Select(r => ElitePictures.Pixels(r.Image, size)));
        IReadOnlyList<Tensor> objects = States(references.Select((r, i) => ElitePictures.Pixels(ElitePictures.Object(r.Image, masks[i]), size)));
        Tensor word = model.Global.Words(whole, 1);
        Tensor shown = stack(masks.Select(m => ElitePictures.Patches(m, grid))).to(dtype, encoder.Device);
        Tensor patches = model.Local.Tokens(objects) * shown;
        FiniteOutput.Check(word, "ELITE's global mapper", model.Global, "words", Name);
        FiniteOutput.Check(patches, "ELITE's local mapper", model.Local, "tokens", Name);
        int[] tokens = [.. references.Select(r => ElitePrompt.Token(r.Name, tokenizer)!.Value)];
        Tensor token = tensor([.. tokens.SelectMany(t => new float[] { t / TokenBase, t % TokenBase })], device: encoder.Device).view(-1, 2);
        return Make(word, patches, token);
    }

    /// <inheritdoc/>
    public override ImagePrompt EncodeDropped(int batch)
    {
        using DisposeScope scope = NewDisposeScope();
        int width = model.Global.OutputChannels, grid = encoder.Config.GridSize;
        return Make(zeros(batch, 1, width, dtype: dtype, device: encoder.Device), zeros(batch, grid * grid, width, dtype: dtype, device: encoder.Device),
            MissingToken(batch, encoder.Device));
    }

    /// <inheritdoc/>
    public override string? WhyNotTogether(IEnumerable<int> counts, ReferenceFusion fusion) => null;

    /// <inheritdoc/>
    public override ImagePrompt Fuse(ImagePrompt? references, IReadOnlyList<int> counts, ImagePrompt? dropped, ReferenceFusion fusion)
    {
        if (counts.Any(c => c > 1))
            throw new ArgumentException("ELITE takes one reference.", nameof(counts));
        if (dropped is null || counts.All(c => c == 1))
            return references!.Map(t => t.alias());
        int next = 0;
        // The row behind the references' is the dropped one.
        ImagePrompt all = references is null ? dropped : ImagePrompt.Concat(references, dropped);
        Tensor rows = tensor([.. counts.Select(c => c == 0 ? all.Rows - 1 : next++)], device: all[Token].device);
        return all.Map(t => t.index_select(0, rows));
    }

    /// <inheritdoc/>
    public override ImagePrompt Locate(ImagePrompt image, IReadOnlyList<string> prompts)
    {
        Tensor places = tensor([.. Places(image, prompts).Select(p => (long)p)], device: image[Token].device);
        return new ImagePrompt(image.Names.Where(n => n != Place).Select(n => KeyValuePair.Create(n, image[n])).Append(new(Place, places)));
    }

    /// <inheritdoc/>
    public override ImagePrompt Unconditional(ImagePrompt prompt, ImagePrompt dropped)
        => new(prompt.Names.Select(n => KeyValuePair.Create(n, n switch
        {
            Token => MissingToken(prompt.Rows, prompt[n].device),
            Place => TensorArithmetic.Filled([prompt.Rows], -1, ScalarType.Int64, prompt[n].device),
            _ => zeros_like(prompt[n]),
        })));

    /// <inheritdoc/>
    public override TextConditions EncodeText(ITextConditioning text, IReadOnlyList<string> prompts, ImagePrompt? image)
    {
        ArgumentNullException.ThrowIfNull(image);
        int[] places = Places(image, prompts);
        if (Array.TrueForAll(places, p => p < 0))
            return text.Encode(prompts);
        using IDisposable noGrad = no_grad();
        using DisposeScope scope = NewDisposeScope();
        TextTower tower = text.Towers[0];
        Tensor ids = tower.Tokenizer.EncodeBatch(prompts).to(tower.Encoder.Device);
        Tensor states = tower.Encoder.Forward(ids, new WordInjection(image[Word], places)).LastHiddenState;
        tower.Check(states);
        return new TextConditions(states.MoveToOuterDisposeScope());
    }

    /// <inheritdoc/>
    public override void ReleaseImageEncoder() => encoder.Dispose();

    /// <inheritdoc/>
    public override void Dispose()
    {
        encoder.Dispose();
        model.Global.Dispose();
        model.Local.Dispose();
    }

    private static string Name(int row) => $"reference {row}";

    // A dropped prompt (the empty one) has no place for the object, whatever its reference is.
    private int[] Places(ImagePrompt image, IReadOnlyList<string> prompts)
    {
        using Tensor onCpu = image[Token].to(ScalarType.Float32).cpu();
        float[] tokens = onCpu.data<float>().ToArray();
        return [.. Enumerable.Range(0, prompts.Count).Select(i => tokens[2 * i] < 0 ? -1
            : ElitePrompt.Place(prompts[i], ((int)tokens[2 * i] * TokenBase) + (int)tokens[(2 * i) + 1], tokenizer) ?? -1)];
    }

    private string? WhyUnsuitable(ReferenceImage reference)
    {
        if (reference.Name is string name && ElitePrompt.Token(name, tokenizer) is null)
            return $"the object's name '{name}' is not one token of the text encoder, which ELITE puts the object in the place of; leave it out and write "
                + $"'{ElitePrompt.Placeholder}' in the prompt.";
        if (reference.Mask is not { } mask)
            return MaskOf(reference) is null
                ? "the reference has no mask, and its background is not plain, so that nothing tells where the object is; give a mask: a picture of the same "
                    + "size, black but for the object."
                : null;
        if ((mask.Width, mask.Height) != (reference.Image.Width, reference.Image.Height))
            return $"the mask has {mask.Width} x {mask.Height} pixels, its picture {reference.Image.Width} x {reference.Image.Height}.";
        return Array.TrueForAll(mask.ToRgb().Pixels, p => p == 0) ? "the mask is all black, so that it shows no object." : null;
    }

    /// <summary>The reference's own mask, or what its plain background leaves; null where that is not plain.</summary>
    private static ImageBuffer? MaskOf(ReferenceImage reference)
    {
        if (reference.Mask is not null)
            return reference.Mask;
        if (PlainBackground.Of(reference.Image).Object() is not { } found)
            return null;
        byte[] pixels = new byte[found.Length];
        for (int i = 0; i < pixels.Length; i++)
            pixels[i] = found[i / reference.Image.Width, i % reference.Image.Width] ? byte.MaxValue : (byte)0;
        return new ImageBuffer(reference.Image.Width, reference.Image.Height, 1, pixels);
    }

    private static Tensor MissingToken(long batch, Device device) => TensorArithmetic.Filled([batch, 2], -1, ScalarType.Float32, device);

    private static ImagePrompt Make(Tensor word, Tensor patches, Tensor token) => new(new Dictionary<string, Tensor>
    {
        [Word] = word.MoveToOuterDisposeScope(),
        [Patches] = patches.MoveToOuterDisposeScope(),
        [Token] = token.MoveToOuterDisposeScope(),
    });

    private IReadOnlyList<Tensor> States(IEnumerable<Tensor> pixels)
    {
        IReadOnlyList<Tensor> states = EliteMapper.Select(encoder.HiddenStates(stack(pixels).to(dtype, encoder.Device)));
        FiniteOutput.Check(states[0], "The image encoder", encoder, "image features", Name);
        return states;
    }
}
