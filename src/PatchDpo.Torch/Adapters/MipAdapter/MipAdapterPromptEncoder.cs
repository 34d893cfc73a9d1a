using PatchDpo.Torch.Adapters.IpAdapter;
using PatchDpo.Torch.Clip;
using PatchDpo.Torch.Diffusion;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Images;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Adapters.MipAdapter;

/// <summary>From references to image prompts of several objects: IP-Adapter's tokens of each, and its name as a text of its own.</summary>
/// <remarks>MIP-Adapter, ip_adapter_multi.py. The negative half has no names, and the positive half's numbers of words.</remarks>
/// <param name="images">IP-Adapter's image encoder and projection.</param>
/// <param name="text">The model's text encoders, which stay the model's.</param>
internal sealed class MipAdapterPromptEncoder(IpAdapterPromptEncoder images, ITextConditioning text) : ProjectedPromptEncoder
{
    /// <summary>
    /// The names of an image prompt's tensors, with n objects, beside their tokens <c>(B,n,N,C)</c>: their names' text states <c>(B,n,T,C)</c>, and how many
    /// tokens each name has <c>(B,n)</c>.
    /// </summary>
    public const string Names = "names", Lengths = "lengths";

    /// <summary>The adapter's projection.</summary>
    public nn.Module<Tensor, Tensor> Projection => images.Projection;

    /// <inheritdoc/>
    public override nn.Module ImageProjection => images.Projection;

    /// <inheritdoc/>
    public override ReferenceFusion ObjectFusion => ReferenceFusion.Merge;

    private ClipTokenizer Tokenizer => text.Towers[0].Tokenizer;

    /// <inheritdoc/>
    public override string? WhyUnsuitable(string prompt, IReadOnlyList<ReferenceImage> references, ReferenceFusion fusion)
    {
        for (int i = 0; i < references.Count; i++)
        {
            if (string.IsNullOrWhiteSpace(references[i].Name) && fusion == ReferenceFusion.Merge && references.Count > 1)
            {
                return $"reference {i} has no name, by which MIP-Adapter tells several objects apart; give the word that the prompt has for it (Name, --name), "
                    + "or concatenate the references.";
            }
            if (references[i].Name is string name && Tokenizer.FindTruncated([name]) is [var cut])
                return $"the name of reference {i} has {cut.Tokens} tokens, and the text encoder takes {cut.Limit}.";
        }
        string[] names = [.. references.Select(r => r.Name).OfType<string>().Distinct(StringComparer.Ordinal)];
        return fusion == ReferenceFusion.Average && names.Length > 1
            ? $"they name several objects ({string.Join(", ", names)}), whose tokens cannot be averaged; merge them (ReferenceFusion.Merge, --objects)." : null;
    }

    /// <inheritdoc/>
    public override IEnumerable<string> Warnings(string prompt, IReadOnlyList<ReferenceImage> references, ReferenceFusion fusion)
        => references.Select(r => r.Name).OfType<string>().Distinct(StringComparer.Ordinal).Where(n => NameTokens.Find(Tokenizer, prompt, n) < 0)
            .Select(n => $"the prompt does not name '{n}', whose reference it has.");

    /// <inheritdoc/>
    public override ImagePrompt EncodeFeatures(IReadOnlyList<ReferenceImage> references)
    {
        using DisposeScope scope = NewDisposeScope();
        return WithNames(images.EncodeFeatures(references)[States], [.. references.SelectMany(r => r.Photos.Select(_ => r.Name ?? ""))]);
    }

    /// <inheritdoc/>
    public override ImagePrompt EncodeDroppedFeatures(int batch)
    {
        using DisposeScope scope = NewDisposeScope();
        return WithNames(images.EncodeDroppedFeatures(batch)[States], [.. Enumerable.Repeat("", batch)]);
    }

    /// <inheritdoc/>
    public override ImagePrompt Project(ImagePrompt features, IReadOnlyList<int> photos) => OfReferences(
        Of(images.Project(features[States]).unsqueeze(1), features[Names].unsqueeze(1), features[Lengths].unsqueeze(1)), photos);

    /// <inheritdoc/>
    public override ProjectedPromptEncoder With(nn.Module projection) => new MipAdapterPromptEncoder((IpAdapterPromptEncoder)images.With(projection), text);

    /// <inheritdoc/>
    public override string? WhyNotTogether(IEnumerable<int> counts, ReferenceFusion fusion) => images.WhyNotTogether(counts, fusion);

    /// <inheritdoc/>
    /// <remarks>
    /// Objects that a shorter row repeats share their maps' weight, so that what attention gives does not change. Averaged and concatenated references are
    /// one object.
    /// </remarks>
    public override ImagePrompt Fuse(ImagePrompt? references, IReadOnlyList<int> counts, ImagePrompt? dropped, ReferenceFusion fusion)
    {
        if (fusion == ReferenceFusion.Merge)
            return Each((name, rows, missing) => ReferenceTokens.Sets(rows?.squeeze(1), counts, missing?.squeeze(1)));
        return Each((name, rows, missing) => (name, fusion) switch
        {
            (Tokens, ReferenceFusion.Concatenate) => ReferenceTokens.Concatenate(rows?.squeeze(1), counts, missing?.squeeze(1)).unsqueeze(1),
            (Tokens, _) => ReferenceTokens.Average(rows, counts, missing),
            _ => ReferenceTokens.First(rows, counts, missing),
        });

        ImagePrompt Each(Func<string, Tensor?, Tensor?, Tensor> fuse) => new(
            (references ?? dropped)!.Names.Select(name => KeyValuePair.Create(name, fuse(name, references?[name], dropped?[name]))));
    }

    /// <inheritdoc/>
    public override ImagePrompt Unconditional(ImagePrompt prompt, ImagePrompt dropped)
    {
        Tensor tokens = prompt[Tokens], none = dropped[Tokens];
        return Of(
            none.repeat(prompt.Rows, tokens.shape[1], tokens.shape[2] / none.shape[2], 1), dropped[Names].expand(prompt.Rows, tokens.shape[1], -1, -1),
            prompt[Lengths]);
    }

    /// <inheritdoc/>
    public override void ReleaseImageEncoder() => images.ReleaseImageEncoder();

    /// <inheritdoc/>
    public override void Dispose() => images.Dispose();

    // A name without words has one row, so that its map is not empty.
    private int Length(string name) => Math.Max(1, NameTokens.Count(Tokenizer, name));

    // B names, of which equal ones are encoded once: (B,T,C).
    private Tensor Encode(string[] names)
    {
        string[] distinct = [.. names.Distinct(StringComparer.Ordinal)];
        TextConditions states = FiniteOutput.Renamed(
            () => text.Encode(distinct), i => ($"the name '{distinct[i]}'", Array.IndexOf(names, distinct[i])));
        using Tensor rows = tensor([.. names.Select(n => (long)Array.IndexOf(distinct, n))], device: states.HiddenStates.device);
        return states.HiddenStates.index_select(0, rows);
    }

    private ImagePrompt WithNames(Tensor states, string[] names) => new ImagePrompt(
    [
        new(States, states), new(Names, Encode(names)), new(Lengths, tensor([.. names.Select(n => (long)Length(n))], device: states.device)),
    ]).Map(t => t.MoveToOuterDisposeScope());

    private static ImagePrompt Of(Tensor tokens, Tensor names, Tensor lengths)
        => new([new(Tokens, tokens), new(Names, names), new(Lengths, lengths)]);
}
