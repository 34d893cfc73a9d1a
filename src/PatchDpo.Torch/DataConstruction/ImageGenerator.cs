using PatchDpo.Torch.Images;
using PatchDpo.Torch.Personalization;

namespace PatchDpo.Torch.DataConstruction;

/// <summary>Generates images as <see cref="PersonalizedModel.Generate"/> does.</summary>
internal delegate IReadOnlyList<ImageBuffer> ImageGenerator(
    IReadOnlyList<GenerationRequest> requests, GenerationOptions options, IProgress<GenerationProgress>? progress, CancellationToken cancellationToken);
