namespace PatchDpo.Torch.DataConstruction;

/// <summary>A reference and the images generated of it.</summary>
/// <param name="Sample">Its number, from 0.</param>
/// <param name="Candidate">The candidate that is its reference.</param>
/// <param name="Prompt">The true prompt.</param>
/// <param name="Reference">The reference's path below the folder, with slashes.</param>
/// <param name="Generated">The generated images in the order of their index.</param>
internal sealed record SampleRecord(int Sample, int Candidate, string Prompt, string Reference, IReadOnlyList<GeneratedRecord> Generated);
