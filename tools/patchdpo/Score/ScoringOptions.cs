using PatchDpo.Tool.Shared;
using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.PatchQuality;

namespace PatchDpo.Tool.Score;

/// <summary>What the command line decides.</summary>
internal sealed record ScoringOptions(
    string OutputFolder, int WorstPatches, int HeatMaps, ImageFormat Format, bool IgnorePlainBackground, bool Overview, EncoderChoice Encoder,
    ReferenceViews? Views, ObjectAlignment? Alignment, (int BatchSize, FeatureCacheOptions Features) Work, ReportFile? Report);
