namespace PatchDpo.Torch.Weights.Zip;

/// <summary>A stored entry of a zip file.</summary>
/// <param name="Name">Its name.</param>
/// <param name="HeaderPosition">Place of its local header.</param>
/// <param name="Position">Place of its first byte.</param>
/// <param name="Length">Number of its bytes.</param>
/// <param name="Crc">Its checksum.</param>
internal sealed record ZipItem(string Name, long HeaderPosition, long Position, long Length, uint Crc);
