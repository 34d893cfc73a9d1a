using PatchDpo.Torch.Clip;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.Vision.Cnn;
using PatchDpo.Torch.Vision.Dino;
using PatchDpo.Torch.Weights;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Encoders;

/// <summary>Opens the image encoder that a lone file of weights holds; the tensors' keys and shapes tell which it is.</summary>
internal static class EncoderCheckpoint
{
    private delegate IVisionEncoder Opener(ITensorSource state, Device? device, ScalarType? dtype, VisionEncoderOptions options);

    // A tensor that only one kind of encoder has; ImageNet's ResNet stands before CIFAR's, which has no fourth stage.
    private static readonly (string Anchor, string Kind, Opener Open)[] s_kinds =
    [
        ("blocks.0.attn.qkv.weight", "DINO or DINOv2", OpenVit),
        ("blocks.0.0.attn.qkv.weight", "DINOv2 as its training saves it", OpenVit),
        ("embeddings.patch_embeddings.projection.weight", "DINO or DINOv2 under Hugging Face's names", OpenVit),
        ("visual.class_embedding", "CLIP's vision transformer under OpenAI's names", OpenClip),
        ("vision_model.embeddings.class_embedding", "CLIP's vision transformer under Hugging Face's names", RefuseClip),
        ("layer4.0.conv1.weight", "ResNet", (s, d, t, o) => Open(new ResNet(ResNetConfig.FromWeights(s), TorchRuntime.Meta), s, d, t, o)),
        ("layer3.0.conv1.weight", "CIFAR's ResNet", (s, d, t, o) => Open(new CifarResNet(CifarResNetConfig.FromWeights(s), TorchRuntime.Meta), s, d, t, o)),
        ("features.0.weight", "VGG", (s, d, t, o) => Open(new Vgg(VggConfig.FromWeights(s), TorchRuntime.Meta), s, d, t, o)),
        ("convhead2.weight", "ALIKE", (s, d, t, o) => Open(new Alike(AlikeConfig.FromWeights(s), TorchRuntime.Meta), s, d, t, o)),
    ];

    /// <summary>Opens the encoder, set to evaluation; the caller disposes it.</summary>
    /// <exception cref="UnknownModelException">The tensors are those of no encoder that can be opened so.</exception>
    /// <exception cref="StateDictMismatchException">Tensors are missing, unexpected or of another shape.</exception>
    /// <exception cref="ArgumentException">The options do not fit the encoder.</exception>
    public static IVisionEncoder Open(ITensorSource file, Device? device, ScalarType? dtype, VisionEncoderOptions options)
    {
        foreach ((string anchor, _, Opener open) in s_kinds)
            if (StateDictPrefix.Find(file, anchor) is ITensorSource state)
                return open(state, device, dtype, options);
        string found = TensorFileKind.Describe(file) is string kind ? $"this is no image encoder that can be opened, but {kind}"
            : "its tensors are those of no image encoder that can be opened";
        throw new UnknownModelException(file.Path, null, $"{found}; looked for {string.Join(", ", s_kinds.Select(k => $"'{k.Anchor}' ({k.Kind})"))}.");
    }

    private static IVisionEncoder OpenVit(ITensorSource state, Device? device, ScalarType? dtype, VisionEncoderOptions options)
    {
        options.RequireNoStage(state.Path);
        state = VitKeyMap.Wrap(state);
        IImagePreprocessor? preprocessor = options.ImageSize is int size ? DinoPreprocessor.ForSize(size) : null;
        // Every DINOv2 model scales its blocks' branches; no DINO model does.
        return state.Keys.Contains("blocks.0.ls1.gamma")
            ? ModelWeights.Fill(new DinoV2VisionTransformer(DinoV2Config.FromWeights(state), TorchRuntime.Meta) { Preprocessor = preprocessor! }, state,
                ignore: null, device, dtype)
            : ModelWeights.Fill(new DinoVisionTransformer(DinoConfig.FromWeights(state), TorchRuntime.Meta) { Preprocessor = preprocessor! }, state,
                ignore: null, device, dtype);
    }

    private static ClipVisionEncoder OpenClip(ITensorSource state, Device? device, ScalarType? dtype, VisionEncoderOptions options)
    {
        options.RequireNoStage(state.Path);
        state = ClipKeyMap.Wrap(state);
        ClipVisionConfig config = ClipVisionConfig.FromWeights(state);
        options.RequireImageSize(state.Path, config.ImageSize);
        return ModelWeights.Fill(
            new ClipVisionEncoder(config, TorchRuntime.Meta) { Preprocessor = new ClipPreprocessor(config.ImageSize) }, state,
                ClipKeyMap.IsOtherThan("vision"), device, dtype);
    }

    // ViT-H and OpenCLIP's models have other heads and another activation than OpenAI's, under the same names.
    private static IVisionEncoder RefuseClip(ITensorSource state, Device? device, ScalarType? dtype, VisionEncoderOptions options)
        => throw new UnknownModelException(state.Path, null, "this is CLIP under Hugging Face's names, whose activation and attention heads only a "
            + "config.json tells: open its folder.");

    private static TEncoder Open<TEncoder>(TEncoder encoder, ITensorSource state, Device? device, ScalarType? dtype, VisionEncoderOptions options)
        where TEncoder : ConvolutionalEncoder
    {
        try
        {
            encoder.Configure(options);
        }
        catch
        {
            encoder.Dispose();
            throw;
        }
        return ModelWeights.Fill(encoder, BatchCounters.Complete(state), ignore: null, device, dtype);
    }
}
