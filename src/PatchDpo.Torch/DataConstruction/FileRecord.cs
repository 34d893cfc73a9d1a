namespace PatchDpo.Torch.DataConstruction;

/// <summary>A file that is not an image.</summary>
/// <param name="File">Its path below the folder, with slashes.</param>
/// <param name="Sha256">Of the file.</param>
internal sealed record FileRecord(string File, string Sha256);
