namespace ScoreFolder;

/// <summary>What the command line decides; no encoder means the embedded encoder.</summary>
internal sealed record ScoringOptions(string OutputFolder, int WorstPatches, int HeatMaps, bool IgnorePlainBackground, string? EncoderPath);
