using PatchDpo.Torch.Diffusion;
using PatchDpo.Torch.Images;

namespace PatchDpo.Torch.Adapters;

/// <summary>The frozen part of an adapter: from reference images to image prompts. Nothing in it has gradients.</summary>
internal abstract class ImagePromptEncoder : IDisposable
{
    /// <summary>Whether a prompt's text states depend on its references, so that what keeps them must know both.</summary>
    public virtual bool ChangesText => false;

    /// <summary>Encodes references one by one: a row an image, which the caller disposes.</summary>
    /// <exception cref="ArgumentException">There is no image.</exception>
    public abstract ImagePrompt Encode(IReadOnlyList<ImageBuffer> references);

    /// <summary>What stands for a missing reference, B rows as <see cref="Encode"/> gives them.</summary>
    public abstract ImagePrompt EncodeDropped(int batch);

    /// <summary>Why requests with these numbers of references cannot share a batch, as the end of a sentence about them; null where they can.</summary>
    public abstract string? WhyNotTogether(IEnumerable<int> counts, ReferenceFusion fusion);

    /// <summary>Makes image prompts of the encoded references of B requests; new tensors in the current dispose scope.</summary>
    /// <param name="references">The references' rows, request by request; null where no request has any.</param>
    /// <param name="counts">How many references each request has, B values.</param>
    /// <param name="dropped">The row of a missing reference, for requests without any; null where each has some.</param>
    /// <param name="fusion">How several references of a request become one image prompt.</param>
    public abstract ImagePrompt Fuse(ImagePrompt? references, IReadOnlyList<int> counts, ImagePrompt? dropped, ReferenceFusion fusion);

    /// <summary>What the unconditional half of guidance takes in these image prompts' place: equally many rows of equal shapes.</summary>
    /// <param name="prompt">The conditional half's image prompts.</param>
    /// <param name="dropped">The row of a missing reference.</param>
    public abstract ImagePrompt Unconditional(ImagePrompt prompt, ImagePrompt dropped);

    /// <summary>Encodes prompts, without gradients: B rows, which the caller disposes.</summary>
    /// <param name="text">The model's text encoders.</param>
    /// <param name="prompts">B prompts.</param>
    /// <param name="image">Their image prompts, B rows; null where <see cref="ChangesText"/> is false.</param>
    public virtual TextConditions EncodeText(ITextConditioning text, IReadOnlyList<string> prompts, ImagePrompt? image) => text.Encode(prompts);

    /// <summary>Frees what only <see cref="Encode"/> and <see cref="EncodeDropped"/> use, and no adapter's file has: the image encoder.</summary>
    public virtual void ReleaseImageEncoder()
    {
    }

    /// <inheritdoc/>
    public abstract void Dispose();
}
