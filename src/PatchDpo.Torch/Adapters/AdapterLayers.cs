using PatchDpo.Torch.Diffusion;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Adapters;

/// <summary>The part of an adapter that lies in the UNet's cross-attention layers. It is what PatchDPO trains; a family of adapters derives its own.</summary>
public abstract class AdapterLayers : nn.Module
{
    private protected AdapterLayers(string name) : base(name)
    {
    }

    /// <summary>
    /// The adapter's image projection as it was trained with these layers, theirs to dispose; it takes the place of the loaded adapter's. Null where it was
    /// not trained.
    /// </summary>
    public nn.Module? ImageProjection { get; internal set; }

    /// <summary>Steps of the training that these layers are of; null where they were loaded, or made otherwise.</summary>
    public int? TrainedSteps { get; internal set; }

    /// <summary>A copy with its own weights, on the same device, that requires gradients where this does.</summary>
    /// <param name="dtype">The copy's type; null for the same.</param>
    public abstract AdapterLayers Clone(ScalarType? dtype = null);

    /// <summary>The parameters that PatchDPO trains; all unless the family leaves some frozen.</summary>
    internal virtual IEnumerable<Parameter> TrainedParameters => parameters();

    /// <summary>Whether other layers can stand in these layers' place: they are of the same family, and were made for the same UNet.</summary>
    internal abstract bool Fits(AdapterLayers other);

    /// <summary>
    /// What the layers bring into a forward pass, or into all passes of one generation, one after another: what a branch keeps from pass to pass it
    /// frees where it is disposable.
    /// </summary>
    /// <param name="prompt">The image prompts, on the UNet's device; their types are the family's own.</param>
    /// <param name="settings">How they are to be attended to.</param>
    internal abstract IImagePromptBranch Branch(ImagePrompt prompt, BranchSettings settings);

    /// <summary>Takes a copy of what a training gave other layers beside their weights; <paramref name="dtype"/> null: of the same type.</summary>
    internal void TakeTraining(AdapterLayers other, ScalarType? dtype)
    {
        ImageProjection = other.ImageProjection is IImageProjection trained ? trained.Copy(dtype) : null;
        TrainedSteps = other.TrainedSteps;
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
            ImageProjection?.Dispose();
        base.Dispose(disposing);
    }
}
