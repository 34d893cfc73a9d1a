using PatchDpo.Torch.Models;
using PatchDpo.Torch.Vision.Cnn;
using PatchDpo.Torch.Weights;
using PatchDpo.Torch.Weights.Pickle;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Encoders;

/// <summary>Opens the image encoders that patch quality can be computed with.</summary>
public static class PatchEncoder
{
    /// <summary>
    /// Opens the encoder in a folder: by what its <c>config.json</c> says that it is (<c>model_type</c>, or <c>architectures</c> where that is
    /// missing), or by the keys of its only file of weights.
    /// </summary>
    /// <param name="folder">
    /// A DINO ("vit", "dino") or DINOv2 ("dinov2", "dinov2_with_registers") vision transformer or a CLIP image encoder
    /// ("clip_vision_model", "clip") in Hugging Face's layout; or a folder without <c>config.json</c>, or with one that has ResNet's or
    /// VGG's fields (see <see cref="ResNetConfig.FromJson"/> and <see cref="VggConfig.FromJson"/>), with weights that <see cref="FromFile"/> opens.
    /// A head that <see cref="Save"/> put beside it comes with it, a <see cref="PatchHeadEncoder"/>.
    /// </param>
    /// <param name="device">Where the weights go; default: the CPU.</param>
    /// <param name="dtype">The weights' type; default: the options', which is float32 by default.</param>
    /// <param name="options">Stage, patches and image size; null: the encoder's own.</param>
    /// <returns>The encoder, set to evaluation; the caller disposes it.</returns>
    /// <exception cref="ModelFileNotFoundException">A file is missing.</exception>
    /// <exception cref="ModelConfigException">The configuration is malformed, or the model is of another kind.</exception>
    /// <exception cref="WeightsFormatException">A weight file is malformed.</exception>
    /// <exception cref="UnsafePickleException">A PyTorch checkpoint asks for something that is not a tensor or plain data.</exception>
    /// <exception cref="UnknownModelException">There is no configuration, and the weights are those of no encoder that can be opened.</exception>
    /// <exception cref="StateDictMismatchException">The weights do not fit the configuration.</exception>
    /// <exception cref="ArgumentException">The options do not fit the encoder.</exception>
    public static IVisionEncoder FromFolder(string folder, Device? device = null, ScalarType? dtype = null, VisionEncoderOptions? options = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        options ??= new VisionEncoderOptions();
        dtype ??= options.DType;
        string head = Path.Combine(folder, PatchHeadEncoder.FileName);
        return File.Exists(head)
            ? PatchHeadEncoder.Open(head, OpenBelow(folder, device, dtype, PatchHeadEncoder.ChoicesOf(head, options)))
            : OpenBelow(folder, device, dtype, options);
    }

    /// <summary>
    /// Opens the encoder in a lone file of weights; the tensors' keys and shapes tell which it is, under any prefix such as <c>state_dict.module.</c>
    /// </summary>
    /// <param name="path">
    /// A PyTorch checkpoint or a safetensors file with the state dict of DINO or DINOv2 (facebookresearch's names or Hugging Face's;
    /// heads of 64 values), CLIP's vision transformer (OpenAI's names, and taken as OpenAI's: quick GELU, heads of 64 values),
    /// <see cref="ResNet"/> or <see cref="Vgg"/> (torchvision's names), <see cref="CifarResNet"/> or <see cref="Alike"/>; or the ONNX file of
    /// Microsoft.ML.DnnImageFeaturizer.ResNet18; or what <see cref="SaveDifference"/> wrote.
    /// </param>
    /// <param name="device">Where the weights go; default: the CPU.</param>
    /// <param name="dtype">The weights' type; default: the options', which is float32 by default.</param>
    /// <param name="options">Stage, patches and image size; null: the encoder's own.</param>
    /// <returns>The encoder, set to evaluation; the caller disposes it.</returns>
    /// <exception cref="WeightsFormatException">The file is malformed.</exception>
    /// <exception cref="ModelFileNotFoundException">It is what training changed of ImageNet's ResNet-18, which is not beside the application.</exception>
    /// <exception cref="UnsafePickleException">It is a checkpoint that asks for something that is not a tensor or plain data.</exception>
    /// <exception cref="UnknownModelException">The tensors are those of no encoder that can be opened.</exception>
    /// <exception cref="StateDictMismatchException">Tensors are missing, unexpected or of another shape.</exception>
    /// <exception cref="ArgumentException">The options do not fit the encoder.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static IVisionEncoder FromFile(string path, Device? device = null, ScalarType? dtype = null, VisionEncoderOptions? options = null)
    {
        using ITensorFile file = WeightsFile.OpenStateDict(path);
        if (EncoderDifference.IsIn(file))
            return EncoderDifference.Open(file, device, dtype ?? options?.DType, options ?? new VisionEncoderOptions());
        return EncoderKinds.Open(file, device, dtype ?? options?.DType, StoredEncoderOptions.Complete(options ?? new VisionEncoderOptions(), file));
    }

    /// <summary>Opens the small encoder that ships with this library: trained on procedural characters, 64 x 64 pixels, for examples and tests.</summary>
    /// <param name="device">Where the weights go; default: the CPU.</param>
    /// <param name="options">Stages, patches and image size; null: its own.</param>
    /// <returns>The encoder, set to evaluation; the caller disposes it.</returns>
    /// <exception cref="ModelFileNotFoundException">The model's files are not beside the assembly.</exception>
    /// <exception cref="ArgumentException">The network has no such stage.</exception>
    public static IVisionEncoder LoadEmbedded(Device? device = null, VisionEncoderOptions? options = null)
        => FromFolder(EmbeddedModels.PatchEncoder, device, options: options);

    /// <summary>
    /// Opens ImageNet's ResNet-18 of the package PatchDpo.Models.ResNet18, whose file lies beside the application: the encoder for photos.
    /// </summary>
    /// <param name="device">Where the weights go; default: the CPU.</param>
    /// <param name="options">Stages, patches and image size; what is null is <see cref="ResNet18Model.Options"/>'s.</param>
    /// <returns>The encoder, set to evaluation; the caller disposes it.</returns>
    /// <exception cref="ModelFileNotFoundException">The file is not there; the message names the package.</exception>
    /// <exception cref="WeightsFormatException">The file is damaged.</exception>
    /// <exception cref="UnknownModelException">It is another model's.</exception>
    /// <exception cref="ArgumentException">The network has no such stage.</exception>
    public static IVisionEncoder LoadResNet18(Device? device = null, VisionEncoderOptions? options = null)
        => FromFile(ResNet18Model.Path, device, options: ResNet18Model.Complete(options));

    /// <summary>
    /// Opens the same model, its third stage trained further on photos without labels: what training changed comes with the same package. The same patch in two
    /// photos gets more similar features; see docs/method.md for what that brings.
    /// </summary>
    /// <param name="device">Where the weights go; default: the CPU.</param>
    /// <param name="options">Stages, patches and image size; what is null is <see cref="ResNet18Model.Options"/>'s.</param>
    /// <returns>The encoder, set to evaluation; the caller disposes it.</returns>
    /// <exception cref="ModelFileNotFoundException">A file is not there; the message names the package.</exception>
    /// <exception cref="WeightsFormatException">A file is damaged, or the two do not belong together.</exception>
    /// <exception cref="ArgumentException">The network has no such stage.</exception>
    public static IVisionEncoder LoadTrainedResNet18(Device? device = null, VisionEncoderOptions? options = null)
        => FromFile(ResNet18Model.TrainedPath, device, options: options);

    /// <summary>
    /// Writes an encoder into a folder, so that <see cref="FromFolder"/> opens it again: <c>model.safetensors</c>, <c>config.json</c> for vision
    /// transformers, and <c>patch_head.safetensors</c> for a head.
    /// </summary>
    /// <param name="encoder">An encoder of this library, with or without a <see cref="PatchHeadEncoder"/> around it.</param>
    /// <param name="folder">Made where it is missing; another encoder's <c>config.json</c> and head are removed, other files left alone.</param>
    /// <remarks>
    /// The stages, patches and image size of a convolutional network are kept too, for where the one who opens the folder does not choose others; the
    /// image size of a vision transformer is for that one to choose.
    /// </remarks>
    /// <exception cref="ArgumentException">The encoder is none of this library's.</exception>
    /// <exception cref="IOException">A file cannot be written.</exception>
    public static void Save(IVisionEncoder encoder, string folder)
    {
        ArgumentNullException.ThrowIfNull(encoder);
        ArgumentException.ThrowIfNullOrEmpty(folder);
        PatchEncoderFolder.Write(encoder, folder);
    }

    /// <summary>
    /// Writes what training changed of ImageNet's ResNet-18 into a folder, a few megabytes, so that <see cref="FromFolder"/> opens the trained encoder again
    /// wherever an application has the package PatchDpo.Models.ResNet18. Each tensor is the difference in bfloat16, under torchvision's names.
    /// </summary>
    /// <param name="encoder">An encoder of <see cref="LoadResNet18"/> that was trained, without a <see cref="PatchHeadEncoder"/>.</param>
    /// <param name="folder">
    /// Made where it is missing. <c>model.safetensors</c>, which <see cref="FromFile"/> opens too, is written; another encoder's <c>config.json</c> and head
    /// are removed.
    /// </param>
    /// <remarks>Stages, patches and image size are not kept: they are <see cref="ResNet18Model.Options"/>'s unless who opens it chooses others.</remarks>
    /// <exception cref="ArgumentException">The encoder is another one, or has a head.</exception>
    /// <exception cref="ModelFileNotFoundException">ImageNet's ResNet-18 is not beside the application.</exception>
    /// <exception cref="IOException">A file cannot be written.</exception>
    public static void SaveDifference(IVisionEncoder encoder, string folder)
    {
        ArgumentNullException.ThrowIfNull(encoder);
        ArgumentException.ThrowIfNullOrEmpty(folder);
        PatchEncoderFolder.WriteDifference(encoder, folder);
    }

    private static IVisionEncoder OpenBelow(string folder, Device? device, ScalarType? dtype, VisionEncoderOptions options)
    {
        string path = Path.Combine(folder, "config.json");
        ModelConfig? config = File.Exists(path) ? ModelConfig.Read(path) : null;
        // The weights of ResNets and VGGs tell all that their fields do.
        if (config is null || (!config.Has("model_type") && !config.Has("architectures") && config.Has("layers")))
            return FromFile(ModelFolder.RequireFile(folder), device, dtype, options);
        return EncoderKinds.Open(folder, config, device, dtype, options);
    }
}
