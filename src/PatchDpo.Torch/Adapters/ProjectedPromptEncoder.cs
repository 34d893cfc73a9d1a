using PatchDpo.Torch.Adapters.IpAdapter;
using PatchDpo.Torch.Diffusion;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Images;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Adapters;

/// <summary>The part of an adapter before the network, where a projection makes the tokens of image features: it can be trained too.</summary>
internal abstract class ProjectedPromptEncoder : ImagePromptEncoder
{
    /// <summary>The name of an image prompt's tokens, of the image features' states that they are made of.</summary>
    public const string Tokens = "tokens", States = "states";

    /// <summary>The adapter's projection, an <see cref="IImageProjection"/>.</summary>
    public abstract nn.Module ImageProjection { get; }

    /// <summary>What the projection takes of references, and all else that their image prompts have, without gradients: a row for each photo.</summary>
    /// <exception cref="ArgumentException">There is no reference.</exception>
    public abstract ImagePrompt EncodeFeatures(IReadOnlyList<ReferenceImage> references);

    /// <summary>What stands for a missing reference, B rows as <see cref="EncodeFeatures"/> gives them.</summary>
    public abstract ImagePrompt EncodeDroppedFeatures(int batch);

    /// <summary>Makes image prompts of features, with gradients where they are on; tensors that are there already may be handed on.</summary>
    /// <param name="features">A row for each photo, reference by reference; of any types.</param>
    /// <param name="photos">How many photos each reference has.</param>
    /// <returns>A row a reference, in the current dispose scope.</returns>
    public abstract ImagePrompt Project(ImagePrompt features, IReadOnlyList<int> photos);

    /// <summary>The same encoder with another projection, which stays the caller's; it shares all else with this one and need not be disposed.</summary>
    public abstract ProjectedPromptEncoder With(nn.Module projection);

    /// <summary>Whether a projection can stand in this one's place.</summary>
    public bool Takes(nn.Module projection) => projection.GetType() == ImageProjection.GetType()
        && projection.parameters().Select(p => string.Join(',', p.shape)).SequenceEqual(ImageProjection.parameters().Select(p => string.Join(',', p.shape)));

    /// <inheritdoc/>
    public override ImagePrompt Encode(IReadOnlyList<ReferenceImage> references)
    {
        using IDisposable noGrad = no_grad();
        using DisposeScope scope = NewDisposeScope();
        return Kept(Project(EncodeFeatures(references), [.. references.Select(r => 1 + r.OtherPhotos.Count)]));
    }

    /// <inheritdoc/>
    public override ImagePrompt EncodeDropped(int batch)
    {
        using IDisposable noGrad = no_grad();
        using DisposeScope scope = NewDisposeScope();
        return Kept(Project(EncodeDroppedFeatures(batch), [.. Enumerable.Repeat(1, batch)]));
    }

    /// <summary>Of a row a photo, a row a reference: its photos' tokens are averaged, all else is the first photo's.</summary>
    private protected static ImagePrompt OfReferences(ImagePrompt rows, IReadOnlyList<int> photos)
        => photos.All(n => n == 1) ? rows : new(rows.Names.Select(name => KeyValuePair.Create(name, name == Tokens
            ? ReferenceTokens.Average(rows[name], photos) : ReferenceTokens.First(rows[name], photos))));

    /// <summary>The photos' places in a list of references: a number a photo.</summary>
    private protected static int[] Owners(IReadOnlyList<ReferenceImage> references) => [.. references.SelectMany((r, i) => r.Photos.Select(_ => i))];

    private ImagePrompt Kept(ImagePrompt prompt)
    {
        FiniteOutput.Check(prompt[Tokens], "The adapter's image projection", ImageProjection, "tokens", i => $"reference {i}");
        return prompt.Map(t => t.alias().MoveToOuterDisposeScope());
    }
}
