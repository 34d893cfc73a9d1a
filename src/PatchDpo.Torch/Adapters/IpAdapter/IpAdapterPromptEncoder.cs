using PatchDpo.Torch.Clip;
using PatchDpo.Torch.Diffusion;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Images;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Adapters.IpAdapter;

/// <summary>From reference images to image prompt tokens: the image encoder and the adapter's projection.</summary>
/// <remarks>
/// IP-Adapter, ip_adapter.py. The plain adapter takes the encoder's image embedding and, for a missing reference, zeros in its
/// place; Plus and Full take the penultimate hidden states and, for a missing reference, those of zero pixels.
/// </remarks>
/// <param name="encoder">The image encoder; has a projection where the adapter takes embeddings.</param>
/// <param name="projection">The adapter's, of one of the three kinds.</param>
/// <param name="dtype">The type of both parts' weights.</param>
/// <remarks>An image prompt's one tensor is its tokens, <c>(B,N,C)</c>.</remarks>
internal sealed class IpAdapterPromptEncoder(ClipVisionEncoder encoder, nn.Module<Tensor, Tensor> projection, ScalarType dtype) : ProjectedPromptEncoder
{
    private readonly bool _takesEmbedding = TakesEmbedding(projection);
    private readonly ScalarType _projectionType = projection.parameters().First().dtype;

    /// <summary>The adapter's projection.</summary>
    public nn.Module<Tensor, Tensor> Projection => projection;

    /// <inheritdoc/>
    public override nn.Module ImageProjection => projection;

    /// <summary>Whether a projection takes image embeddings <c>(B,P)</c>, not hidden states <c>(B,N,D)</c>.</summary>
    public static bool TakesEmbedding(nn.Module<Tensor, Tensor> projection) => projection is LinearImageProjection;

    /// <inheritdoc/>
    public override string? WhyUnsuitable(string prompt, IReadOnlyList<ReferenceImage> references, ReferenceFusion fusion)
        => fusion == ReferenceFusion.Merge
            ? "an IP-Adapter has no gates to merge objects with; concatenate them, or load it as the start of a MIP-Adapter (AdapterFamily, --family mip-adapter)."
            : null;

    /// <inheritdoc/>
    public override ImagePrompt EncodeFeatures(IReadOnlyList<ReferenceImage> references)
    {
        int[] owners = Owners(references);
        return new ImagePrompt(States, FiniteOutput.Renamed(
            () => EncodeStates([.. references.SelectMany(r => r.Photos)]), i => ($"reference {owners[i]}", owners[i])));
    }

    /// <inheritdoc/>
    public override ImagePrompt EncodeDroppedFeatures(int batch) => new(States, EncodeDroppedStates(batch));

    /// <inheritdoc/>
    public override ImagePrompt Project(ImagePrompt features, IReadOnlyList<int> photos)
        => OfReferences(new ImagePrompt(Tokens, Project(features[States])), photos);

    /// <inheritdoc/>
    public override ProjectedPromptEncoder With(nn.Module projection) => new IpAdapterPromptEncoder(encoder, (nn.Module<Tensor, Tensor>)projection, dtype);

    /// <summary>Projects states, of the weights' type or any other: <c>(B,...) -> (B,N,C)</c>, of the model's type.</summary>
    internal Tensor Project(Tensor states)
    {
        using DisposeScope scope = NewDisposeScope();
        return projection.call(states.to(_projectionType)).to(dtype).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public override string? WhyNotTogether(IEnumerable<int> counts, ReferenceFusion fusion)
        => fusion == ReferenceFusion.Average || ReferenceTokens.CommonSets(counts) is not null ? null
            : $"the least common multiple of these numbers is above {ReferenceTokens.MaxCommonSets}, so a batch would repeat them too often";

    /// <inheritdoc/>
    public override ImagePrompt Fuse(ImagePrompt? references, IReadOnlyList<int> counts, ImagePrompt? dropped, ReferenceFusion fusion)
        => new(Tokens, fusion == ReferenceFusion.Concatenate
            ? ReferenceTokens.Concatenate(references?[Tokens], counts, dropped?[Tokens])
            : ReferenceTokens.Average(references?[Tokens], counts, dropped?[Tokens]));

    /// <inheritdoc/>
    /// <remarks>Both halves of guidance go through the network in one call, so they have equally many tokens: the dropped ones, repeated whole.</remarks>
    public override ImagePrompt Unconditional(ImagePrompt prompt, ImagePrompt dropped)
        => new(Tokens, dropped[Tokens].repeat(prompt.Rows, prompt[Tokens].shape[1] / dropped[Tokens].shape[1], 1));

    /// <summary>What the projection takes, without gradients: B images to B rows, which the caller disposes.</summary>
    internal Tensor EncodeStates(IReadOnlyList<ImageBuffer> references)
    {
        using DisposeScope scope = NewDisposeScope();
        return EncodePixels(ImageTensors.Batch(references, encoder.Preprocessor, encoder.Device)).MoveToOuterDisposeScope();
    }

    /// <summary>What stands for a missing reference, B rows as <see cref="EncodeStates"/> gives them.</summary>
    internal Tensor EncodeDroppedStates(int batch)
    {
        if (_takesEmbedding)
            return zeros(batch, encoder.Config.ProjectionDim!.Value, dtype: dtype, device: encoder.Device);
        using DisposeScope scope = NewDisposeScope();
        int size = encoder.Config.ImageSize;
        Tensor states = EncodePixels(zeros(1, 3, size, size, device: encoder.Device));
        return states.expand([batch, .. states.shape[1..]]).contiguous().MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public override void ReleaseImageEncoder() => encoder.Dispose();

    /// <inheritdoc/>
    public override void Dispose()
    {
        encoder.Dispose();
        projection.Dispose();
    }

    private Tensor EncodePixels(Tensor pixels)
    {
        using IDisposable noGrad = no_grad();
        using DisposeScope scope = NewDisposeScope();
        ClipVisionOutput output = encoder.call(pixels.to(dtype));
        Tensor states = _takesEmbedding ? output.ImageEmbeds! : output.PenultimateHiddenState;
        FiniteOutput.Check(states, "The image encoder", encoder, "image features", i => $"reference {i}");
        return states.MoveToOuterDisposeScope();
    }
}
