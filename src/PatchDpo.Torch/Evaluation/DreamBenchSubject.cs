namespace PatchDpo.Torch.Evaluation;

/// <summary>A subject of DreamBench.</summary>
/// <param name="Name">Its folder in the data set.</param>
/// <param name="ClassName">The word that prompts name it with.</param>
/// <param name="PhotoCount">How many photos the data set has of it.</param>
/// <param name="SelectedPhoto">The file name, without extension, of its photo in the Kosmos-G setting.</param>
public sealed record DreamBenchSubject(string Name, string ClassName, int PhotoCount, string SelectedPhoto)
{
    /// <summary>The file names of its photos, without extension: 00, 01, ...</summary>
    public IReadOnlyList<string> Photos => [.. Enumerable.Range(0, PhotoCount).Select(i => $"{i:D2}")];
}
