
using PatchDpo.Torch.Images;

namespace ScoreFolder;

/// <summary>What the command line decides; no encoder means the embedded encoder.</summary>
internal sealed record ScoringOptions(string OutputFolder, int WorstPatches, int HeatMaps, ImageFormat Format, bool IgnorePlainBackground, string? EncoderPath);
