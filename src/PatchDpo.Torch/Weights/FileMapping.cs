using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Weights.Safetensors;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Weights;

/// <summary>A file mapped into memory, privately: what is written into a tensor over it never reaches the file.</summary>
/// <remarks>
/// libtorch maps the file once for each dtype, because TorchSharp cannot view a tensor as one of another dtype; all mappings show
/// the system's one cached copy. A mapping lives as long as any tensor over it.
/// </remarks>
internal sealed class FileMapping : IDisposable
{
    private readonly Dictionary<ScalarType, Tensor> _values = [];

    /// <summary>Maps a file.</summary>
    /// <param name="file">The open file.</param>
    /// <param name="path">Its path.</param>
    /// <param name="length">Its length in bytes; libtorch refuses a file that is shorter by now.</param>
    /// <param name="dtypes">The dtypes of which tensors will be asked for.</param>
    /// <exception cref="IOException">The file cannot be mapped.</exception>
    public FileMapping(SafeFileHandle file, string path, long length, IEnumerable<ScalarType> dtypes)
    {
        TorchRuntime.Initialize();
        // libtorch opens it once more: the very file, not what has taken its name since, where the system has a name for that.
        string open = $"/proc/self/fd/{file.DangerousGetHandle()}";
        if (!OperatingSystem.IsLinux() || !File.Exists(open))
            open = path;
        try
        {
            foreach (ScalarType dtype in dtypes)
                _values.Add(dtype, from_file(open, shared: false, size: length / SafetensorsDType.Size(dtype), dtype: dtype).DetachFromDisposeScope());
        }
        catch (ExternalException e)
        {
            Dispose();
            throw new IOException($"'{path}' cannot be mapped into memory: {e.Message.Split('\n')[0].Replace(open, path, StringComparison.Ordinal)}", e);
        }
    }

    /// <summary>A tensor over the mapping.</summary>
    /// <param name="position">Its first byte in the file.</param>
    /// <param name="dtype">Its dtype.</param>
    /// <param name="shape">Its shape, of one element or more.</param>
    /// <returns>The tensor, the caller's to dispose; null where its place is no multiple of its element's size.</returns>
    public Tensor? Read(long position, ScalarType dtype, long[] shape)
    {
        (long index, long rest) = Math.DivRem(position, SafetensorsDType.Size(dtype));
        if (rest != 0)
            return null;
        using DisposeScope scope = NewDisposeScope();
        Tensor view = _values[dtype].narrow(0, index, TensorShape.CountElements(shape)).view(shape);
        // A tensor of its own over the same bytes: views share one version counter, and to change one in place would spoil the gradients of all.
        return empty(0, dtype: dtype).set_(view).MoveToOuterDisposeScope();
    }

    /// <summary>Gives the mappings back, but for those that tensors need.</summary>
    public void Dispose()
    {
        foreach (Tensor values in _values.Values)
            values.Dispose();
    }
}
