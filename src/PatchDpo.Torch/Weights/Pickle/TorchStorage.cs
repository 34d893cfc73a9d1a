using PatchDpo.Torch.Weights.Safetensors;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Weights.Pickle;

/// <summary>A storage that a checkpoint's pickle names, and where its bytes are.</summary>
internal sealed class TorchStorage(string key, ScalarType dtype, long count)
{
    public string Key => key;

    public ScalarType DType => dtype;

    /// <summary>Number of elements.</summary>
    public long Count => count;

    /// <summary>Place of the first byte in the file; -1 until it is found.</summary>
    public long Position { get; set; } = -1;

    /// <summary>The checksum that the bytes should have, or null where there is none or it was compared.</summary>
    public uint? Crc { get; set; }

    /// <summary>Length in bytes.</summary>
    public Int128 Bytes => (Int128)count * SafetensorsDType.Size(dtype);
}
