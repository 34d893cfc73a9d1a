namespace PatchDpo.Torch.Evaluation;

/// <summary>A subject of DreamBench.</summary>
/// <param name="Name">Its folder in the data set.</param>
/// <param name="ClassName">The word that prompts name it with.</param>
/// <param name="SelectedPhoto">The file name, without extension, of its photo in the Kosmos-G setting.</param>
public sealed record DreamBenchSubject(string Name, string ClassName, string SelectedPhoto);
