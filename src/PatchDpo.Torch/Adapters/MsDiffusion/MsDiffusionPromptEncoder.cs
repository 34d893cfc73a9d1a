using PatchDpo.Torch.Adapters.IpAdapter;
using PatchDpo.Torch.Clip;
using PatchDpo.Torch.Diffusion;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Images;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Adapters.MsDiffusion;

/// <summary>From references to image prompts of several subjects: tokens that know the subject's name and box, and the boxes themselves.</summary>
/// <remarks>
/// MS-Diffusion, model.py and inference.py: references resized to 512 x 512 without regard to their aspect, the image encoder's penultimate hidden states, the
/// first text encoder's pooled state of the name alone. A missing reference, and the unconditional half, have no image branch at all.
/// </remarks>
/// <param name="encoder">The image encoder.</param>
/// <param name="projection">The adapter's.</param>
/// <param name="dummyTokens">The adapter's tokens for the background, which no computation reads.</param>
/// <param name="text">The model's text encoders, which stay the model's.</param>
/// <param name="dtype">The type of image encoder and projection.</param>
internal sealed class MsDiffusionPromptEncoder(
    ClipVisionEncoder encoder, GroundingResampler projection, Tensor dummyTokens, ITextConditioning text, ScalarType dtype) : ProjectedPromptEncoder
{
    /// <summary>
    /// The names of an image prompt's tensors, with n subjects, beside their tokens <c>(B,n,N,C)</c>: boxes <c>(B,n,4)</c> in float32 (0 for none), scales
    /// <c>(B,n)</c> (-1 for the adapter's), names as numbers <c>(B,n,L)</c>, and where a prompt has them <c>(B,n,2)</c>.
    /// </summary>
    public const string Boxes = "boxes", Scales = "scales", Names = "names", Phrases = "phrases";

    /// <summary>Among the features that the projection takes, the names' pooled text <c>(B,P)</c>.</summary>
    public const string PooledNames = "pooled_names";

    /// <summary>The longest name, in characters.</summary>
    internal const int MaxNameCharacters = 128;

    private const int ReferenceSide = 512;

    private readonly ScalarType _projectionType = projection.parameters().First().dtype;

    /// <summary>The adapter's projection.</summary>
    public GroundingResampler Projection => projection;

    /// <inheritdoc/>
    public override nn.Module ImageProjection => projection;

    /// <summary>The adapter's tokens for the background.</summary>
    public Tensor DummyTokens => dummyTokens;

    private TextTower Tower => text.Towers[0];

    /// <inheritdoc/>
    public override string? WhyUnsuitable(string prompt, IReadOnlyList<ReferenceImage> references, ReferenceFusion fusion)
    {
        if (fusion == ReferenceFusion.Merge)
            return "MS-Diffusion attends to all subjects together, each inside its box; concatenate them (ReferenceFusion.Concatenate, --objects).";
        for (int i = 0; i < references.Count; i++)
        {
            if (string.IsNullOrWhiteSpace(references[i].Name))
                return $"reference {i} has no name, of which MS-Diffusion makes its tokens; give the words that the prompt has for it (Name, --name).";
            string name = references[i].Name!;
            if (name.Length > MaxNameCharacters)
                return $"the name of reference {i} has {name.Length} characters; at most {MaxNameCharacters} are possible.";
            if (references[i].Box is null && Locate(prompt, [name]) is [(_, 0)])
                return $"reference {i} has no box, and the prompt lacks its name '{name}' (as far as the text encoder reads it), by which it could be "
                    + "laid out; give one of them (Box, --box).";
        }
        string[] names = [.. references.Select(r => r.Name!).Distinct(StringComparer.Ordinal)];
        return fusion == ReferenceFusion.Average && names.Length > 1
            ? $"they name several objects ({string.Join(", ", names)}), whose tokens cannot be averaged; concatenate them "
                + "(ReferenceFusion.Concatenate, --objects)."
            : null;
    }

    /// <inheritdoc/>
    public override string? WhyUntrainable(IReadOnlyList<ReferenceImage> references)
        => references.Index().FirstOrDefault(r => r.Item.Box is null) is (int i, { })
            ? $"image prompt {i} has no box, inside which MS-Diffusion is trained." : null;

    /// <inheritdoc/>
    public override IEnumerable<string> Warnings(string prompt, IReadOnlyList<ReferenceImage> references, ReferenceFusion fusion)
        => references.Select(r => r.Name!).Distinct(StringComparer.Ordinal).Where(n => Locate(prompt, [n]) is [(_, 0)])
            .Select(n => $"the prompt does not name '{n}', whose reference it has.");

    /// <inheritdoc/>
    /// <remarks>A rounded box can lie in other cells.</remarks>
    public override bool IsGeometry(string name) => name is Boxes or Scales;

    /// <inheritdoc/>
    public override ImagePrompt EncodeFeatures(IReadOnlyList<ReferenceImage> references)
    {
        if (references.Index().FirstOrDefault(r => r.Item.Name is null) is (int bad, { }))
            throw new UnsuitableReferencesException($"row {bad}", bad, "it has no name, of which MS-Diffusion makes its tokens.");
        using IDisposable noGrad = no_grad();
        using DisposeScope scope = NewDisposeScope();
        int[] owners = Owners(references);
        Tensor states = FiniteOutput.Renamed(
            () => EncodeStates([.. references.SelectMany(r => r.Photos)]), i => ($"reference {owners[i]}", owners[i]));
        Tensor boxes = tensor([.. references.SelectMany(BoxOf)], device: encoder.Device).reshape(-1, 4);
        Tensor scales = tensor([.. references.Select(r => (float)(r.Scale ?? -1))], device: encoder.Device);
        Tensor names = tensor([.. references.SelectMany(r => Numbers(r.Name!))], [references.Count, MaxNameCharacters], ScalarType.Int64, encoder.Device);
        Tensor pooled = PhraseStates([.. references.Select(r => r.Name!)]);
        using Tensor rows = tensor([.. owners.Select(o => (long)o)], device: encoder.Device);
        Tensor OfPhotos(Tensor each) => each.index_select(0, rows);
        return Features(states, OfPhotos(pooled), OfPhotos(boxes), OfPhotos(scales), OfPhotos(names)).Map(t => t.MoveToOuterDisposeScope());
    }

    /// <inheritdoc/>
    public override ImagePrompt EncodeDroppedFeatures(int batch)
    {
        using DisposeScope scope = NewDisposeScope();
        ResamplerOptions shape = projection.Options.Resampler;
        // As many states as the image encoder gives, so that they stand in one batch with others.
        return Features(
            zeros(batch, 1 + ((long)encoder.Config.GridSize * encoder.Config.GridSize), shape.InputChannels, dtype, encoder.Device),
            zeros(batch, projection.Options.PhraseChannels, dtype, encoder.Device), zeros(batch, 4, device: encoder.Device),
            zeros(batch, device: encoder.Device), zeros(batch, MaxNameCharacters, ScalarType.Int64, encoder.Device)).Map(t => t.MoveToOuterDisposeScope());
    }

    /// <inheritdoc/>
    /// <remarks>Who has no name is missing, and has zeros.</remarks>
    public override ImagePrompt Project(ImagePrompt features, IReadOnlyList<int> photos)
    {
        Tensor tokens = projection.Project(
            features[States].to(_projectionType), features[PooledNames].to(_projectionType), features[Boxes]).to(dtype);
        Tensor missing = features[Names].EqualTo(0).all(1).reshape(-1, 1, 1);
        tokens = tokens.MaskedFilled(missing, 0);
        return OfReferences(
            Of(tokens.unsqueeze(1), features[Boxes].unsqueeze(1), features[Scales].unsqueeze(1), features[Names].unsqueeze(1)), photos);
    }

    /// <inheritdoc/>
    public override ProjectedPromptEncoder With(nn.Module projection)
        => new MsDiffusionPromptEncoder(encoder, (GroundingResampler)projection, dummyTokens, text, dtype);

    /// <inheritdoc/>
    public override ImagePrompt EncodeDropped(int batch)
    {
        ResamplerOptions shape = projection.Options.Resampler;
        using DisposeScope scope = NewDisposeScope();
        return Of(
            zeros(batch, 1, shape.Tokens, shape.OutputChannels, dtype, encoder.Device), zeros(batch, 1, 4, device: encoder.Device),
            zeros(batch, 1, device: encoder.Device), zeros(batch, 1, MaxNameCharacters, ScalarType.Int64, encoder.Device))
            .Map(t => t.MoveToOuterDisposeScope());
    }

    /// <inheritdoc/>
    public override string? WhyNotTogether(IEnumerable<int> counts, ReferenceFusion fusion) => null;

    /// <inheritdoc/>
    /// <remarks>Rows with fewer subjects get some without a box, which no cell sees. Averaged references are one subject, with the first one's box.</remarks>
    public override ImagePrompt Fuse(ImagePrompt? references, IReadOnlyList<int> counts, ImagePrompt? dropped, ReferenceFusion fusion)
    {
        if (fusion == ReferenceFusion.Average)
        {
            return new((references ?? dropped)!.Names.Select(name => KeyValuePair.Create(name, name == Tokens
                ? ReferenceTokens.Average(references?[name], counts, dropped?[name]) : ReferenceTokens.First(references?[name], counts, dropped?[name]))));
        }
        long most = Math.Max(1, counts.Max());
        using DisposeScope scope = NewDisposeScope();
        return new ImagePrompt((references ?? dropped)!.Names.Select(name => KeyValuePair.Create(name, Padded(references?[name], dropped?[name]))))
            .Map(t => t.MoveToOuterDisposeScope());

        Tensor Padded(Tensor? rows, Tensor? missing)
        {
            long start = 0;
            List<Tensor> padded = [];
            foreach (int count in counts)
            {
                Tensor own = count == 0 ? missing!.squeeze(1) : rows!.narrow(0, start, count).squeeze(1);
                start += count;
                long[] rest = [most - own.shape[0], .. own.shape[1..]];
                padded.Add(rest[0] == 0 ? own : cat([own, zeros(rest, own.dtype, own.device)]));
            }
            return stack(padded);
        }
    }

    /// <inheritdoc/>
    /// <remarks>Equal names take the prompt's occurrences one after another.</remarks>
    public override ImagePrompt Locate(ImagePrompt image, IReadOnlyList<string> prompts)
    {
        using Tensor names = image[Names].cpu();
        long subjects = names.shape[1];
        long[] places = [.. prompts.SelectMany((prompt, b) => Locate(prompt, [.. Enumerable.Range(0, (int)subjects).Select(j => Text(names[b, j]))])
            .SelectMany(p => new long[] { p.From, p.To }))];
        Tensor phrases = tensor(places, [prompts.Count, subjects, 2], ScalarType.Int64, image[Names].device);
        return new ImagePrompt(image.Names.Where(n => n != Phrases).Select(n => KeyValuePair.Create(n, image[n])).Append(new(Phrases, phrases)));
    }

    /// <inheritdoc/>
    public override ImagePrompt Unconditional(ImagePrompt prompt, ImagePrompt dropped) => prompt.Map(t => t.zeros_like());

    /// <inheritdoc/>
    public override void ReleaseImageEncoder() => encoder.Dispose();

    /// <inheritdoc/>
    public override void Dispose()
    {
        encoder.Dispose();
        projection.Dispose();
        dummyTokens.Dispose();
    }

    private static float[] BoxOf(ReferenceImage reference)
        => reference.Box is { } b ? [(float)b.Left, (float)b.Top, (float)b.Right, (float)b.Bottom] : [0, 0, 0, 0];

    // A name stays with its image prompt, wherever that is batched, repeated or kept, as a row of numbers.
    private static IEnumerable<long> Numbers(string name) => name.Select(c => (long)c).Concat(Enumerable.Repeat(0L, MaxNameCharacters - name.Length));

    private static string Text(Tensor numbers) => new([.. numbers.data<long>().ToArray().TakeWhile(n => n != 0).Select(n => (char)n)]);

    private static ImagePrompt Features(Tensor states, Tensor pooled, Tensor boxes, Tensor scales, Tensor names)
        => new([new(States, states), new(PooledNames, pooled), new(Boxes, boxes), new(Scales, scales), new(Names, names)]);

    private static ImagePrompt Of(Tensor tokens, Tensor boxes, Tensor scales, Tensor names)
        => new([new(Tokens, tokens), new(Boxes, boxes), new(Scales, scales), new(Names, names)]);

    private (int From, int To)[] Locate(string prompt, string[] names)
        => [.. names.Select((name, j) => PhraseWords.Find(Tower.Tokenizer, prompt, name, names[..j].Count(n => n == name)))
            // What lies beyond the text encoder's length, where the end token stands, is not in the text.
            .Select(p => p.To > Tower.Tokenizer.MaxLength - 1 ? (0, 0) : p)];

    private Tensor EncodeStates(IReadOnlyList<ImageBuffer> photos)
    {
        using DisposeScope scope = NewDisposeScope();
        ImageBuffer[] squeezed = [.. photos.Select(p => PillowResize.Resize(p.ToRgb(), ReferenceSide, ReferenceSide, ResampleFilter.Bicubic))];
        Tensor pixels = ImageTensors.Batch(squeezed, encoder.Preprocessor, encoder.Device);
        Tensor states = encoder.call(pixels.to(dtype)).PenultimateHiddenState;
        FiniteOutput.Check(states, "The image encoder", encoder, "image features", i => $"reference {i}");
        return states.MoveToOuterDisposeScope();
    }

    private Tensor PhraseStates(IReadOnlyList<string> names)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor states = Tower.Encode(names).Pooled;
        FiniteOutput.Check(states, "The text encoder", Tower.Encoder, "pooled text", i => $"the name '{names[i]}'");
        return states.to(dtype).MoveToOuterDisposeScope();
    }
}
