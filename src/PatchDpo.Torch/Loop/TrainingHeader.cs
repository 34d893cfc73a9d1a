namespace PatchDpo.Torch.Loop;

/// <summary>What a training is made of beside its state.</summary>
/// <param name="Settings">
/// What must be the same when it goes on: options, and the fingerprints of model and data. A value that differs would give other weights.
/// </param>
/// <param name="Changeable">What may be another then: length, checkpoints, versions of the libraries, device and threads. It is recorded.</param>
/// <param name="RowsPerStep">How many rows of the data a step takes.</param>
internal sealed record TrainingHeader(IReadOnlyDictionary<string, string> Settings, IReadOnlyDictionary<string, string> Changeable, long RowsPerStep);
