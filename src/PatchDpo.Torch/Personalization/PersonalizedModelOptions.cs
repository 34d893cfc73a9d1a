using PatchDpo.Torch.Diffusion.Samplers;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Personalization;

/// <summary>How a personalised model is loaded: where the parts are that do not lie in its folder, with which sampler, device and type.</summary>
public sealed record PersonalizedModelOptions
{
    /// <summary>
    /// An IP-Adapter, safetensors or <c>.bin</c>. Default: null, the folder's <c>ip_adapter.safetensors</c>; a model in a single file needs one.
    /// </summary>
    public string? AdapterPath { get; init; }

    /// <summary>
    /// The family that reads the adapter, where its file does not tell: <c>mip-adapter</c> starts a MIP-Adapter from a plain IP-Adapter. Default: null,
    /// the one that the file's keys tell.
    /// </summary>
    /// <exception cref="ArgumentException">There is no such family.</exception>
    public string? AdapterFamily { get; init => field = value is null ? null : Adapters.AdapterFamilies.Named(value).Name; }

    /// <summary>
    /// The folder of the CLIP image encoder that the adapter was trained with. Default: null, the model folder's <c>image_encoder</c>; a model in a
    /// single file needs one.
    /// </summary>
    /// <remarks>
    /// In h94/IP-Adapter: <c>models/image_encoder</c>, for the files whose names hold no <c>vit-h</c> in <c>sdxl_models</c> that folder's
    /// <c>image_encoder</c>.
    /// </remarks>
    public string? ImageEncoderPath { get; init; }

    /// <summary>
    /// The folder of CLIP's tokenizer (<c>vocab.json</c>, <c>merges.txt</c>). Default: null, the model folder's own; a model in a single file needs
    /// one.
    /// </summary>
    /// <remarks>It serves both text encoders of SDXL: for the second, texts are padded with "!", as in the published folder.</remarks>
    public string? TokenizerPath { get; init; }

    /// <summary>
    /// The sampler that images are generated with, whatever class the model's scheduler configuration names. Default: null, the one that it names.
    /// </summary>
    /// <remarks><see cref="GenerationOptions.Sampler"/> chooses another for one call.</remarks>
    public SamplerKind? Sampler { get; init; }

    /// <summary>
    /// Whether a model whose scheduler configuration names no sampler of this library is refused before its weights are read, where
    /// <see cref="Sampler"/> names none. Default: false, because training needs none.
    /// </summary>
    public bool RequiresSampler { get; init; }

    /// <summary>Where the weights go. Default: null, the CPU.</summary>
    public Device? Device { get; init; }

    /// <summary>
    /// Float32 (default), Float16 or BFloat16, whatever the files have; the autoencoder stays float32, as in the official code, and so do the adapter
    /// layers.
    /// </summary>
    /// <exception cref="ArgumentException">Another type.</exception>
    public ScalarType DType
    {
        get;
        init => field = value is ScalarType.Float32 or ScalarType.Float16 or ScalarType.BFloat16
            ? value
            : throw new ArgumentException($"A model is loaded in Float32, Float16 or BFloat16, not {value}.", nameof(DType));
    } = ScalarType.Float32;

    /// <summary>The sizes of a model in a single file, where they are not those of a published family.</summary>
    internal SingleFileLayout? Layout { get; init; }
}
