using PatchDpo.Torch.Personalization;

namespace PatchDpo.Tool.Shared;

/// <summary>What suits the small generator that comes with the library, where a big one's defaults do not.</summary>
internal static class EmbeddedGeneration
{
    /// <summary>As it was trained: with little guidance, and without a negative prompt.</summary>
    public static GenerationOptions Options { get; } = new() { Steps = 16, GuidanceScale = 2, NegativePrompt = "", BatchSize = 16 };
}
