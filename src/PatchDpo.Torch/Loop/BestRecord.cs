namespace PatchDpo.Torch.Loop;

/// <summary><c>best.json</c>: why a checkpoint is the best.</summary>
/// <param name="Step">Its step.</param>
/// <param name="Metric">The metric that decided.</param>
/// <param name="Value">Its value; more is better.</param>
/// <param name="Scores">All that was measured, by name.</param>
/// <param name="Measure">SHA-256 of what was measured, and with what: values of other measures do not compare.</param>
internal sealed record BestRecord(int Step, string Metric, double Value, IReadOnlyDictionary<string, double> Scores, string Measure);
