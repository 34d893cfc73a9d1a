using PatchDpo.Torch.Diffusion;
using PatchDpo.Torch.Images;

namespace PatchDpo.Torch.Adapters;

/// <summary>
/// The part of an adapter before the network: from reference images to image prompts. Nothing in it has gradients but a projection that is trained
/// (<see cref="ProjectedPromptEncoder"/>).
/// </summary>
internal abstract class ImagePromptEncoder : IDisposable
{
    /// <summary>Whether a prompt's text states depend on its references, so that what keeps them must know both.</summary>
    public virtual bool ChangesText => false;

    /// <summary>Whether what a row of a batch gives depends on the other rows, so that requests are generated one by one.</summary>
    public virtual bool MixesRows => false;

    /// <summary>How references that each show another object become one image prompt, where nobody chose.</summary>
    public virtual ReferenceFusion ObjectFusion => ReferenceFusion.Concatenate;

    /// <summary>
    /// What is wrong with a request's references, or with them beside its prompt, as the end of a sentence; null where they can be worked with. It is
    /// asked before anything is computed.
    /// </summary>
    /// <param name="prompt">The prompt; references lie in the request's order.</param>
    /// <param name="references">Any number of references, none included.</param>
    /// <param name="fusion">How they become one image prompt.</param>
    public virtual string? WhyUnsuitable(string prompt, IReadOnlyList<ReferenceImage> references, ReferenceFusion fusion) => null;

    /// <summary>What else training needs of a pair's references, as the end of a sentence; null where they have it.</summary>
    /// <param name="references">The pair's image prompts.</param>
    public virtual string? WhyUntrainable(IReadOnlyList<ReferenceImage> references) => null;

    /// <summary>What of a request deserves a warning though it goes on, each as a whole sentence; the same arguments.</summary>
    public virtual IEnumerable<string> Warnings(string prompt, IReadOnlyList<ReferenceImage> references, ReferenceFusion fusion) => [];

    /// <summary>Whether one of an image prompt's tensors says where something is, in few numbers that must not be rounded.</summary>
    /// <param name="name">The tensor's name.</param>
    public virtual bool IsGeometry(string name) => false;

    /// <summary>Encodes references one by one: a row a reference, which the caller disposes; each is an image prompt of its own.</summary>
    /// <exception cref="ArgumentException">There is no reference.</exception>
    public abstract ImagePrompt Encode(IReadOnlyList<ReferenceImage> references);

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

    /// <summary>
    /// Adds to fused image prompts what depends on their prompts, such as where an object's name stands; tensors that are there already may be handed on.
    /// </summary>
    /// <param name="image">The image prompts, B rows.</param>
    /// <param name="prompts">Their prompts, B.</param>
    public virtual ImagePrompt Locate(ImagePrompt image, IReadOnlyList<string> prompts) => image;

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
