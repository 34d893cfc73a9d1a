using System.Runtime.CompilerServices;
using PatchDpo.Torch.Adapters;
using PatchDpo.Torch.Clip;
using PatchDpo.Torch.Diffusion;
using PatchDpo.Torch.Diffusion.Schedules;
using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.Weights;
using PatchDpo.Torch.Weights.Pickle;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Personalization;

/// <summary>
/// A generator of images from a prompt and reference images of an object: the parts of Stable Diffusion 1.5 or SDXL, and an IP-Adapter. Not
/// thread-safe.
/// </summary>
/// <remarks>
/// Folder layout: diffusers' (<c>model_index.json</c>, <c>unet</c>, <c>vae</c>, <c>text_encoder</c>, <c>tokenizer</c>, <c>scheduler</c>; for SDXL
/// also <c>text_encoder_2</c> and <c>tokenizer_2</c>) with <c>image_encoder</c> (a CLIP vision encoder) and <c>ip_adapter.safetensors</c>
/// beside them. <c>model_index.json</c> says which of the two it is: <c>StableDiffusionPipeline</c> or <c>StableDiffusionXLPipeline</c>.
/// The adapter is a plain one (linear projection), a Plus (Resampler) or a Full (MLP); its keys tell. In its place Stable Diffusion 1.4 and 1.5 may have
/// ELITE's two mappers, <c>global_mapper.pt</c> and <c>local_mapper.pt</c>, and SDXL a MIP-Adapter or an adapter of MS-Diffusion, for several objects.
/// All weights are frozen; the methods run without gradients, but for <see cref="PredictNoise"/>. Of a disposed model only what it was
/// (folder, device, sizes, schedule) can be asked; the rest throws <see cref="ObjectDisposedException"/>.
/// </remarks>
public sealed class PersonalizedModel : IDisposable
{
    private readonly PersonalizedModelParts _parts;
    private readonly AdapterLayers _layers;
    private readonly ImagePromptEncoder _references;
    private bool _disposed;

    private PersonalizedModel(PersonalizedModelParts parts, AdapterLayers layers)
    {
        _parts = parts;
        _layers = layers;
        _references = layers.ImageProjection is { } trained ? ((ProjectedPromptEncoder)parts.References).With(trained) : parts.References;
    }

    // What Dispose frees, which another model may still hold.
    private PersonalizedModelParts Parts
    {
        get
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            return _parts;
        }
    }

    /// <summary>The folder, or the single file, that the model was loaded from.</summary>
    public string FolderPath => _parts.FolderPath;

    /// <summary>How it was loaded: where its other parts are, and the sampler that was chosen.</summary>
    public PersonalizedModelOptions LoadOptions => _parts.Options;

    /// <summary>The device that the weights are on.</summary>
    public Device Device => _parts.Device;

    /// <summary>The type of the weights; those of autoencoder and adapter layers are float32 whatever it is, and so are latents.</summary>
    public ScalarType DType => _parts.DType;

    /// <summary>Side of the images that the model was trained for, in pixels.</summary>
    public int ImageSize => _parts.ImageSize;

    /// <summary>Channels of the latents.</summary>
    public int LatentChannels => _parts.Vae.Config.LatentChannels;

    /// <summary>Image pixels per latent in each direction.</summary>
    public int LatentScale => _parts.Vae.Config.LatentScale;

    /// <summary>The forward process and what the network predicts.</summary>
    public NoiseSchedule Schedule => _parts.Schedule;

    /// <summary>The adapter's part in the network's cross-attention, which PatchDPO trains; owned by this model.</summary>
    /// <exception cref="ObjectDisposedException">The model was disposed.</exception>
    public AdapterLayers AdapterLayers
    {
        get
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            return _layers;
        }
    }

    /// <summary>How references that each show another object become one image prompt where nobody chose; the adapter's family decides.</summary>
    /// <exception cref="ObjectDisposedException">The model was disposed.</exception>
    public ReferenceFusion ObjectFusion => References.ObjectFusion;

    /// <summary>Weight of the image prompt beside the text, 0 to 65,504. Default 1 (IP-Adapter, and the official training).</summary>
    /// <exception cref="ArgumentOutOfRangeException">Outside [0, 65504].</exception>
    public double AdapterScale
    {
        get;
        set => field = ArgumentRange.NotNegative(value, ArgumentRange.LargestScale);
    } = 1;

    /// <summary>Loads a model.</summary>
    /// <param name="folder">Its folder.</param>
    /// <param name="adapterFile">Another IP-Adapter, safetensors or the official <c>.bin</c>; null takes the folder's <c>ip_adapter.safetensors</c>.</param>
    /// <param name="device">Where the weights go; the CPU by default.</param>
    /// <param name="dtype">
    /// Float32 (default), Float16 or BFloat16, whatever the files have; the autoencoder stays float32, as in the official code, and so do the adapter
    /// layers.
    /// </param>
    /// <exception cref="ArgumentException"><paramref name="dtype"/> is another type.</exception>
    /// <exception cref="UnknownModelException">The adapter is something else (a LoRA, a UNet …), or one for faces.</exception>
    /// <exception cref="ModelFileNotFoundException">The folder lacks a configuration or weights; the message names them.</exception>
    /// <exception cref="FileNotFoundException">There is no such adapter file.</exception>
    /// <exception cref="ModelConfigException">A configuration is not one that this library knows, or the parts do not fit one another.</exception>
    /// <exception cref="WeightsFormatException">A weights file is damaged.</exception>
    /// <exception cref="UnsafePickleException">A PyTorch checkpoint asks for something that is not a tensor or plain data.</exception>
    /// <exception cref="StateDictMismatchException">Weights do not fit their configuration.</exception>
    /// <example><code language="csharp">
    /// using PersonalizedModel model = PersonalizedModel.Load(EmbeddedModels.Generator);   // or a folder of Stable Diffusion 1.5 or SDXL
    /// var request = new GenerationRequest("a cat, at night", [ImageFile.Load("photos/cat.png")]);
    /// ImageBuffer picture = model.Generate([request], new GenerationOptions { Steps = 16, GuidanceScale = 2, NegativePrompt = "" })[0];
    /// ImageFile.SavePng("cat-at-night.png", picture);
    /// </code></example>
    public static PersonalizedModel Load(string folder, string? adapterFile = null, Device? device = null, ScalarType dtype = ScalarType.Float32)
        => Load(folder, new PersonalizedModelOptions { AdapterPath = adapterFile, Device = device, DType = dtype });

    /// <summary>Loads a model from a folder or a single file, with parts that lie elsewhere.</summary>
    /// <param name="path">
    /// A pipeline's folder in diffusers' layout, or a whole Stable Diffusion 1.5 or SDXL model in one file under Stability AI's names, safetensors or
    /// <c>.ckpt</c> (<c>v1-5-pruned.safetensors</c>, <c>sd_xl_base_1.0.safetensors</c>); for the file, the options name adapter, image encoder and tokenizer.
    /// </param>
    /// <param name="options">Where the other parts are, the sampler, device and type.</param>
    /// <exception cref="ArgumentException">The path is a single file's, and the options do not name what it lacks.</exception>
    /// <exception cref="ModelFileNotFoundException">The folder lacks a configuration or weights; the message names them.</exception>
    /// <exception cref="FileNotFoundException">There is no such adapter file.</exception>
    /// <exception cref="ModelConfigException">
    /// A configuration is not one that this library knows, the parts do not fit one another, or a sampler is required and none is chosen or known.
    /// </exception>
    /// <exception cref="UnknownModelException">
    /// The single file is no model of the two families, or the adapter is something else; the message says what.
    /// </exception>
    /// <exception cref="WeightsFormatException">A weights file is damaged.</exception>
    /// <exception cref="UnsafePickleException">A PyTorch checkpoint asks for something that is not a tensor or plain data.</exception>
    /// <exception cref="StateDictMismatchException">Weights do not fit their configuration.</exception>
    public static PersonalizedModel Load(string path, PersonalizedModelOptions options)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(options);
        TorchRuntime.Initialize();
        (PersonalizedModelParts parts, AdapterLayers layers) = PersonalizedModelLoader.Load(path, options);
        return new PersonalizedModel(parts, layers);
    }

    /// <summary>Loads the small model that ships with this library.</summary>
    /// <param name="device">Where the weights go; the CPU by default.</param>
    /// <exception cref="ModelFileNotFoundException">Its files do not lie beside the assembly.</exception>
    public static PersonalizedModel LoadEmbedded(Device? device = null) => Load(EmbeddedModels.Generator, device: device);

    /// <summary>A model with other adapter layers that shares all other parts with this one; each may be disposed first.</summary>
    /// <param name="layers">
    /// Made for the same UNet, and where an image projection was trained with them, for the same adapter; they become the new model's to dispose. Without
    /// one, the new model has the loaded adapter's.
    /// </param>
    /// <exception cref="ArgumentException">They do not fit.</exception>
    public PersonalizedModel WithAdapterLayers(AdapterLayers layers)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        ArgumentNullException.ThrowIfNull(layers);
        if (!AdapterLayers.Fits(layers))
            throw new ArgumentException("The adapter layers were made for another UNet, or by another family of adapters.", nameof(layers));
        if (layers.ImageProjection is { } trained && (_parts.References as ProjectedPromptEncoder)?.Takes(trained) != true)
            throw new ArgumentException("The image projection that was trained with the adapter layers is another adapter's.", nameof(layers));
        _parts.AddReference();
        return new PersonalizedModel(_parts, layers) { AdapterScale = AdapterScale };
    }

    /// <summary>Encodes prompts as the model's network takes them.</summary>
    /// <param name="prompts">B prompts; what exceeds the tokenizer's length is cut (<see cref="FindTruncatedPrompts"/> tells).</param>
    /// <param name="maxPromptCharacters">The longest prompt that is accepted.</param>
    /// <param name="imagePrompt">
    /// The prompts' image prompts, B rows, for families of adapters that change the text by the references; others (IP-Adapter) leave it unread.
    /// </param>
    /// <returns>B rows; the caller disposes them.</returns>
    /// <exception cref="PromptTooLongException">A prompt is longer than that.</exception>
    /// <exception cref="EmptyPromptException">A prompt is null; an empty one is what a dropped prompt is.</exception>
    /// <exception cref="NonFiniteOutputException">A text encoder gives NaN or infinite numbers.</exception>
    /// <remarks>
    /// Stable Diffusion 1.5: the last hidden state after the final norm. SDXL: penultimate hidden states of both encoders
    /// concatenated; pooled text is the second's projection.
    /// </remarks>
    public TextConditions EncodeText(
        IReadOnlyList<string> prompts, int maxPromptCharacters = GenerationOptions.DefaultMaxPromptCharacters, ImagePrompt? imagePrompt = null)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        ArgumentNullException.ThrowIfNull(prompts);
        PromptTooLongException.ThrowIfAny(prompts, maxPromptCharacters);
        return References.EncodeText(Parts.Text, prompts, imagePrompt);
    }

    /// <summary>The part of the adapter before the network; with the layers' own image projection where that was trained.</summary>
    internal ImagePromptEncoder References
    {
        get
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            return _references;
        }
    }

    /// <summary>What the adapter's family is called.</summary>
    internal string AdapterFamily => Parts.AdapterFamily.Name;

    /// <summary>Which prompts have more tokens than the text encoders take, and what is left out of them: they are cut, as in diffusers.</summary>
    /// <param name="prompts">Any number of prompts.</param>
    /// <returns>The prompts that are cut, by their place in the list; where two encoders cut one, what the one with the fewer tokens left takes.</returns>
    public IReadOnlyList<TruncatedPrompt> FindTruncatedPrompts(IReadOnlyList<string> prompts)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        ArgumentNullException.ThrowIfNull(prompts);
        return [.. _parts.Text.Towers.SelectMany(t => t.Tokenizer.FindTruncated(prompts)).GroupBy(t => t.Index).Select(g => g.MaxBy(t => t.Tokens)!)
            .OrderBy(t => t.Index)];
    }

    /// <summary>Encodes reference images as image prompts, each by itself.</summary>
    /// <param name="references">B references, with images of any size.</param>
    /// <returns>B rows, which the caller disposes; for an IP-Adapter, <c>tokens (B,N,C)</c> after its projection.</returns>
    /// <exception cref="ArgumentException">There is no reference.</exception>
    /// <exception cref="UnsuitableReferencesException">A reference lacks what the adapter's family needs of it.</exception>
    /// <exception cref="NonFiniteOutputException">The image encoder or the adapter's projection gives NaN or infinite numbers.</exception>
    [OverloadResolutionPriority(1)]
    public ImagePrompt EncodeReferences(IReadOnlyList<ReferenceImage> references)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        ArgumentNullException.ThrowIfNull(references);
        return References.Encode(references);
    }

    /// <summary>Encodes images that nothing more is known of as image prompts, each by itself.</summary>
    /// <param name="references">B images of any size.</param>
    /// <returns>As for references.</returns>
    public ImagePrompt EncodeReferences(IReadOnlyList<ImageBuffer> references)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        ArgumentNullException.ThrowIfNull(references);
        return EncodeReferences(ReferenceImage.Of(references));
    }

    /// <summary>
    /// Adds to image prompts what depends on their prompts, such as where an object's name or ELITE's placeholder stands; for IP-Adapter nothing. Encode
    /// the text and predict noise with what it gives.
    /// </summary>
    /// <param name="imagePrompt">B image prompts; they stay the caller's.</param>
    /// <param name="prompts">Their prompts, B.</param>
    /// <returns>B rows, which the caller disposes.</returns>
    /// <exception cref="ArgumentException">There are not as many prompts.</exception>
    public ImagePrompt Locate(ImagePrompt imagePrompt, IReadOnlyList<string> prompts)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        ArgumentNullException.ThrowIfNull(imagePrompt);
        ArgumentNullException.ThrowIfNull(prompts);
        if (prompts.Count != imagePrompt.Rows)
            throw new ArgumentException($"{prompts.Count} prompts are given for {imagePrompt.Rows} image prompts.", nameof(prompts));
        using DisposeScope scope = NewDisposeScope();
        return References.Locate(imagePrompt, prompts).Map(t => t.alias().MoveToOuterDisposeScope());
    }

    /// <summary>
    /// What stands for a missing reference. IP-Adapter: zero pixels through the image encoder (for an adapter with one linear layer, a zero embedding),
    /// projected.
    /// </summary>
    /// <param name="batch">B.</param>
    /// <returns>As references are given.</returns>
    public ImagePrompt EncodeDroppedReference(int batch)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        ArgumentOutOfRangeException.ThrowIfLessThan(batch, 1);
        return References.EncodeDropped(batch);
    }

    /// <summary>Encodes images to latents: the mean of the autoencoder's distribution, scaled.</summary>
    /// <param name="images">B images of any size; the shorter side is resized, the centre cut out.</param>
    /// <param name="size">Side that they are brought to, in pixels; null takes <see cref="ImageSize"/>.</param>
    /// <returns><c>(B,C,size/s,size/s)</c>, s the latent scale; the caller disposes it.</returns>
    /// <exception cref="NonFiniteOutputException">The autoencoder gives NaN or infinite numbers.</exception>
    public Tensor EncodeLatents(IReadOnlyList<ImageBuffer> images, int? size = null)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        using IDisposable noGrad = no_grad();
        using DisposeScope scope = NewDisposeScope();
        Tensor pixels = ImageTensors.Batch(images, new DiffusionPreprocessor(CheckSide(size, nameof(size))), Device);
        Tensor latents = Parts.Vae.EncodeMean(pixels).Times(_parts.Vae.ScalingFactor);
        FiniteOutput.Check(latents, "The autoencoder", _parts.Vae, "latents", i => $"image {i}");
        return latents.MoveToOuterDisposeScope();
    }

    /// <summary>Decodes latents to images.</summary>
    /// <param name="latents">Scaled, <c>(B,C,h,w)</c>.</param>
    /// <returns>B RGB images.</returns>
    /// <exception cref="NonFiniteOutputException">The autoencoder gives NaN or infinite numbers.</exception>
    public IReadOnlyList<ImageBuffer> DecodeLatents(Tensor latents)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        ArgumentNullException.ThrowIfNull(latents);
        using IDisposable noGrad = no_grad();
        using DisposeScope scope = NewDisposeScope();
        Tensor pixels = Parts.Vae.Decode(latents.to(ScalarType.Float32).DividedBy(_parts.Vae.ScalingFactor));
        FiniteOutput.Check(pixels, "The autoencoder", _parts.Vae, "pixels", i => $"image {i}");
        return ImageTensors.ToImages(pixels);
    }

    /// <summary>Predicts the noise in latents (or what <see cref="Schedule"/> says that the network predicts), with gradients where they are on.</summary>
    /// <param name="latents">Noisy latents, <c>(B,C,h,w)</c>.</param>
    /// <param name="timesteps">Training timesteps, <c>(B)</c> or one for all.</param>
    /// <param name="text">B prompts.</param>
    /// <param name="imagePrompt">B image prompts.</param>
    /// <param name="timeIds">
    /// For SDXL: original height and width, crop top and left, target height and width: <c>(B,6)</c>, in pixels; null takes the latents' own size,
    /// uncropped. Other networks leave it unread.
    /// </param>
    /// <param name="adapterScale">Weight of the image prompt; null takes <see cref="AdapterScale"/>.</param>
    /// <returns><c>(B,C,h,w)</c>, of the latents' type; the caller disposes it.</returns>
    public Tensor PredictNoise(Tensor latents, Tensor timesteps, TextConditions text, ImagePrompt imagePrompt, Tensor? timeIds = null,
        double? adapterScale = null)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        ArgumentNullException.ThrowIfNull(latents);
        ArgumentNullException.ThrowIfNull(text);
        ArgumentNullException.ThrowIfNull(imagePrompt);
        using DisposeScope scope = NewDisposeScope();
        timeIds ??= TimeIds.Uncropped((int)latents.shape[0], (int)latents.shape[^2] * LatentScale, (int)latents.shape[^1] * LatentScale, Device);
        return Predict(latents, timesteps, new PromptConditions(text, imagePrompt, timeIds), AdapterLayers, adapterScale ?? AdapterScale)
            .MoveToOuterDisposeScope();
    }

    /// <summary>
    /// Looks for the cause after a prediction has gone wrong: the network or its adapter, whose numbers nothing looks at before; null where
    /// their weights are sound.
    /// </summary>
    internal DamagedWeights? FindDamagedWeights() => DamagedWeights.Find("The network", _parts.UNet) ?? DamagedWeights.Find("The adapter", AdapterLayers)
        ?? (_references is ProjectedPromptEncoder images ? DamagedWeights.Find("The adapter's image projection", images.ImageProjection) : null);

    /// <summary>
    /// The same with other adapter layers, which stay the caller's; with <paramref name="recompute"/>, the backward pass computes the network's blocks once
    /// more, and tensors that it needs stay in the caller's dispose scope.
    /// </summary>
    internal Tensor Predict(
        Tensor latents, Tensor timesteps, PromptConditions conditions, AdapterLayers layers, double adapterScale, bool recompute = false)
    {
        // Disposed by its scope's end, a tensor would be missing in the backward pass; nothing of a branch that training makes has to be freed.
        if (recompute)
            return Condition(conditions, layers, adapterScale, recompute: true).Predict(latents, timesteps);
        using DisposeScope scope = NewDisposeScope();
        using ConditionedNetwork network = Condition(conditions, layers, adapterScale);
        return network.Predict(latents, timesteps).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// The network with conditions and adapter layers, which stay the caller's, for one call or for all steps of a generation; made in the current
    /// dispose scope.
    /// </summary>
    internal ConditionedNetwork Condition(
        PromptConditions conditions, AdapterLayers layers, double adapterScale, AutomaticLayout? layout = null, bool recompute = false)
    {
        TextConditions text = conditions.Text.Map(t => t.to(DType));
        IImagePromptBranch branch = layers.Branch(
            conditions.Image, new BranchSettings(adapterScale, DType, conditions.UnconditionalRows, layout, Keeps: !recompute));
        return new ConditionedNetwork(Predict, branch as IDisposable);

        Tensor Predict(Tensor latents, Tensor timesteps)
        {
            if (recompute)
                return Prediction();
            using DisposeScope scope = NewDisposeScope();
            return Prediction().MoveToOuterDisposeScope();

            Tensor Prediction() => Parts.UNet.Forward(
                latents.to(DType), timesteps, text.HiddenStates, text.Pooled, conditions.TimeIds, branch, recompute).to(latents.dtype);
        }
    }

    /// <summary>Generates images.</summary>
    /// <param name="requests">One image each.</param>
    /// <param name="options">How; null takes the defaults.</param>
    /// <param name="progress">Called after each sampling step.</param>
    /// <param name="cancellationToken">Looked at before each sampling step.</param>
    /// <returns>An RGB image for each request, in order.</returns>
    /// <exception cref="EmptyPromptException">A prompt is null, or empty and the options do not allow that; the message names the request.</exception>
    /// <exception cref="PromptTooLongException">A prompt is too long; the message names the request.</exception>
    /// <exception cref="TruncatedPromptException">
    /// A prompt has more tokens than the text encoder takes, and the options refuse that; the message names the request.
    /// </exception>
    /// <exception cref="UnsuitableReferencesException">A request's references lack what the adapter's family needs of them.</exception>
    /// <exception cref="ArgumentException">A request is null, or has null for its references or for one of them, or the size does not suit the model.</exception>
    /// <exception cref="ModelConfigException">
    /// The model's scheduler configuration does not suit the sampler, or names none that this library has where the options name none.
    /// </exception>
    /// <exception cref="NonFiniteLatentsException">An image's numbers overflowed, or the weights of network or adapter are damaged.</exception>
    /// <exception cref="NonFiniteOutputException">Another part's weights are damaged; the message names part, file and request.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public IReadOnlyList<ImageBuffer> Generate(
        IReadOnlyList<GenerationRequest> requests, GenerationOptions? options = null, IProgress<GenerationProgress>? progress = null,
            CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        return new ImageGeneration(this, options ?? new GenerationOptions(), progress).Run(requests, cancellationToken);
    }

    /// <summary>Writes the adapter as one file, for an IP-Adapter image projection and layers: safetensors, or the official float16 <c>.bin</c>.</summary>
    /// <remarks>ELITE has two files: a name with <c>global_mapper</c> writes <c>local_mapper</c> beside it; under other names one file holds both.</remarks>
    /// <param name="path">The file, ending in <c>.safetensors</c> or <c>.bin</c> (ELITE: also <c>.pt</c>); replaced in one step where it exists.</param>
    /// <exception cref="ArgumentException">The name has another ending.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    /// <exception cref="ObjectDisposedException">The model was disposed.</exception>
    public void SaveAdapter(string path) => Parts.AdapterFamily.Write(path, new Adapter(References, AdapterLayers));

    /// <summary>The same as safetensors, into a stream.</summary>
    internal void SaveAdapter(Stream stream) => Parts.AdapterFamily.Write(stream, new Adapter(References, AdapterLayers));

    /// <summary>
    /// Frees the text encoders, the image encoder and the autoencoder, which training does not use once its pairs are prepared
    /// (<c>PatchDpoTrainer.Prepare</c>); for SDXL in bfloat16 about 3.5 GB.
    /// </summary>
    /// <remarks>
    /// Whatever encodes, decodes or generates throws <see cref="ObjectDisposedException"/> then, also in models that share the parts
    /// (<see cref="WithAdapterLayers"/>); training on prepared pairs, predicting noise and saving the adapter go on.
    /// </remarks>
    /// <exception cref="ObjectDisposedException">The model was disposed.</exception>
    public void ReleaseEncoders() => Parts.ReleaseEncoders();

    /// <summary>Frees the adapter layers, and the other parts where no other model shares them.</summary>
    public void Dispose()
    {
        if (_disposed)
            return;
        _disposed = true;
        _layers.Dispose();
        _parts.Release();
    }

    /// <summary>The side asked for, in pixels, or the model's own.</summary>
    /// <exception cref="ArgumentException">It is no multiple of the latent scale.</exception>
    internal int CheckSide(int? side, string name)
    {
        int pixels = side ?? ImageSize;
        return pixels > 0 && pixels % LatentScale == 0
            ? pixels
            : throw new ArgumentException($"A {name.ToLowerInvariant()} of {pixels} pixels is no multiple of the model's latent scale, {LatentScale}.", name);
    }
}
