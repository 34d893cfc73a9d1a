using static TorchSharp.torch;

namespace PatchDpo.Torch.Weights;

/// <summary>Named tensors that are read when they are asked for.</summary>
public interface ITensorSource
{
    /// <summary>The file or name, for messages.</summary>
    string Path { get; }

    /// <summary>The tensors' keys.</summary>
    IReadOnlyList<string> Keys { get; }

    /// <summary>A tensor's shape; empty for a scalar.</summary>
    /// <exception cref="KeyNotFoundException">There is no such tensor.</exception>
    long[] Shape(string key);

    /// <summary>A tensor's dtype in the source.</summary>
    /// <exception cref="KeyNotFoundException">There is no such tensor.</exception>
    ScalarType DType(string key);

    /// <summary>Makes a new tensor.</summary>
    /// <param name="key">The tensor's key.</param>
    /// <param name="device">Where it goes; null for the CPU.</param>
    /// <param name="dtype">What it is converted to; null for the source's dtype.</param>
    /// <returns>The tensor; the caller disposes it.</returns>
    /// <exception cref="KeyNotFoundException">There is no such tensor.</exception>
    Tensor Read(string key, Device? device = null, ScalarType? dtype = null);

    /// <summary>Copies the values into a tensor of the same shape, converting them to its dtype and device.</summary>
    /// <exception cref="KeyNotFoundException">There is no such tensor.</exception>
    void CopyTo(string key, Tensor target);
}
