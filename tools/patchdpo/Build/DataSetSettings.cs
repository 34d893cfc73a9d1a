using PatchDpo.Tool.Shared;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.PatchQuality;
using PatchDpo.Torch.Personalization;

namespace PatchDpo.Tool.Build;

/// <summary>What the command line chooses.</summary>
/// <param name="Model">The generator's folder or single file, or "embedded".</param>
/// <param name="Loading">Where the generator's other parts are, and its sampler.</param>
/// <param name="Encoder">The patch encoder.</param>
/// <param name="Prompts">A file of prompts, or "builtin".</param>
/// <param name="References">References to find.</param>
/// <param name="Generations">Images to generate of each.</param>
/// <param name="Output">The folder.</param>
/// <param name="Seed">Decides the noise.</param>
/// <param name="Steps">Sampling steps, or null for the model's usual ones.</param>
/// <param name="Clip">A CLIP model's folder, or null.</param>
/// <param name="MinClipT">The least CLIP-T of a reference, or null.</param>
/// <param name="Format">What images are written as.</param>
/// <param name="BatchSize">Images generated together, or null for the usual number.</param>
/// <param name="Views">Views of each reference that patches may match; null: itself alone.</param>
/// <param name="Alignment">How objects are aligned; null: they are not.</param>
internal sealed record DataSetSettings(
    string Model, PersonalizedModelOptions Loading, EncoderChoice Encoder, string Prompts, int References, int Generations, string Output, long Seed,
    int? Steps, string? Clip, double? MinClipT, ImageFormat Format, int? BatchSize = null, ReferenceViews? Views = null,
    ObjectAlignment? Alignment = null);
