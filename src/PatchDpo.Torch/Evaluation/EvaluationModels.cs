using PatchDpo.Torch.Clip;
using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.PatchQuality;
using PatchDpo.Torch.Vision.Dino;
using PatchDpo.Torch.Weights;
using PatchDpo.Torch.Weights.Pickle;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Evaluation;

/// <summary>The models of an evaluation, opened from folders, with the hashes of their weights.</summary>
/// <param name="Dino">Gives class tokens for DINO, or null.</param>
/// <param name="Clip">Gives embeddings for CLIP-I and CLIP-T, or null.</param>
/// <param name="PatchEncoder">Gives patch features for patch quality, or null.</param>
/// <param name="Identities">Who they are.</param>
public sealed record EvaluationModels(IVisionEncoder? Dino, ClipModel? Clip, IVisionEncoder? PatchEncoder, IReadOnlyList<EvaluationModel> Identities)
    : IDisposable
{
    private bool _disposed;

    /// <summary>Gives whole-image features for the subject similarity, or null.</summary>
    public IVisionEncoder? SubjectEncoder { get; init; }

    /// <summary>Opens models; a null folder leaves its metrics out.</summary>
    /// <param name="dinoFolder">DINO; ViT-S/16 (facebook/dino-vits16) for figures that compare with published ones.</param>
    /// <param name="clipFolder">A whole CLIP model; ViT-B/32 (openai/clip-vit-base-patch32) for the same.</param>
    /// <param name="patchEncoderFolder">The encoder of patch quality.</param>
    /// <param name="device">Where the weights go; default: the CPU.</param>
    /// <param name="dtype">The weights' type; default: float32, in which published figures are measured.</param>
    /// <exception cref="ModelFileNotFoundException">A file is missing.</exception>
    /// <exception cref="ModelConfigException">A configuration is malformed.</exception>
    /// <exception cref="WeightsFormatException">A weight file is malformed.</exception>
    /// <exception cref="UnsafePickleException">A PyTorch checkpoint asks for something that is not a tensor or plain data.</exception>
    /// <exception cref="StateDictMismatchException">Weights do not fit their configuration.</exception>
    public static EvaluationModels FromFolders(string? dinoFolder, string? clipFolder, string? patchEncoderFolder, Device? device = null, ScalarType? dtype = null)
    {
        List<EvaluationModel> identities = [];
        IVisionEncoder? dino = null;
        ClipModel? clip = null;
        try
        {
            dino = Open("DINO", dinoFolder, f => DinoVisionTransformer.FromFolder(f, device, dtype));
            clip = Open("CLIP", clipFolder, f => ClipModel.FromFolder(f, device, dtype));
            return new EvaluationModels(dino, clip,
                Open("patch quality", patchEncoderFolder, f => Encoders.PatchEncoder.FromFolder(f, device, dtype)), identities);
        }
        catch
        {
            dino?.Dispose();
            clip?.Dispose();
            throw;
        }

        T? Open<T>(string role, string? folder, Func<string, T> open) where T : class
        {
            if (folder is null)
                return null;
            identities.Add(EvaluationModel.FromFolder(role, folder));
            return open(folder);
        }
    }

    /// <summary>Opens the small models that ship with this library, for examples and tests; their scores compare with nothing else.</summary>
    /// <param name="device">Where the weights go; default: the CPU.</param>
    /// <param name="dtype">The weights' type; default: float32, in which published figures are measured.</param>
    /// <exception cref="ModelFileNotFoundException">The models' files are not beside the assembly.</exception>
    public static EvaluationModels LoadEmbedded(Device? device = null, ScalarType? dtype = null)
        => FromFolders(EmbeddedModels.EvaluationDino, EmbeddedModels.EvaluationClip, EmbeddedModels.PatchEncoder, device, dtype);

    /// <summary>Opens ImageNet's ResNet-18 of the package PatchDpo.Models.ResNet18 for subject similarity and patch quality of photos.</summary>
    /// <param name="device">Where the weights go; default: the CPU.</param>
    /// <param name="dtype">The weights' type; default: float32, in which published figures are measured.</param>
    /// <exception cref="ModelFileNotFoundException">It does not lie beside the application; the message names the package.</exception>
    /// <exception cref="WeightsFormatException">The file is damaged.</exception>
    /// <exception cref="UnknownModelException">It is another model's.</exception>
    public static EvaluationModels LoadResNet18(Device? device = null, ScalarType? dtype = null)
    {
        string path = ResNet18Model.Path, name = System.IO.Path.GetFileName(path);
        return new EvaluationModels(null, null, Encoders.PatchEncoder.LoadResNet18(device, new Encoders.VisionEncoderOptions { DType = dtype }),
            [EvaluationModel.FromFile("patch quality", name, path), EvaluationModel.FromFile("subject similarity", name, path)])
        {
            SubjectEncoder = Encoders.PatchEncoder.LoadResNet18(device, new Encoders.VisionEncoderOptions { DType = dtype }),
        };
    }

    /// <summary>An evaluator with these models.</summary>
    /// <param name="options">The settings; null: the defaults.</param>
    /// <exception cref="ObjectDisposedException">The models were disposed.</exception>
    public PersonalizationEvaluator CreateEvaluator(PersonalizationEvaluatorOptions? options = null)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        return new(Dino, Clip, PatchEncoder is null ? null : new PatchQualityEstimator(PatchEncoder), Identities, options, SubjectEncoder);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _disposed = true;
        Dino?.Dispose();
        Clip?.Dispose();
        PatchEncoder?.Dispose();
        SubjectEncoder?.Dispose();
    }
}
