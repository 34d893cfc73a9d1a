namespace PatchDpo.Torch.Evaluation;

/// <summary>A file of a DreamBench folder.</summary>
/// <param name="Subject">The subject that it shows.</param>
/// <param name="Name">Its name without extension: the prompt of a generation, the number of a photo.</param>
/// <param name="Path">Where it is.</param>
public sealed record DreamBenchFile(DreamBenchSubject Subject, string Name, string Path);
