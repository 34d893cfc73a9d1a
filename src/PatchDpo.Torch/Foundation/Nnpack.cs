using System.Runtime.InteropServices;

namespace PatchDpo.Torch.Foundation;

/// <summary>Turns off libtorch's use of NNPACK on processors that NNPACK does not know.</summary>
/// <remarks>
/// libtorch asks NNPACK at every convolution of a single image whether it can run, and writes a warning to the error stream each time that it
/// cannot: thousands of lines for one picture. What is computed, and how, stays the same. Linux only: elsewhere libtorch's exported names differ.
/// </remarks>
internal static unsafe class Nnpack
{
    /// <summary>Asks NNPACK once.</summary>
    /// <param name="library">Path of libtorch_cpu.so, which is loaded already.</param>
    public static void DisableWhereUnsupported(string library)
    {
        // nnp_status nnp_initialize(void); at::Context& at::globalContext(); void at::Context::setUserEnabledNNPACK(bool).
        if (NativeLibrary.TryLoad(library, out nint handle)
            && NativeLibrary.TryGetExport(handle, "nnp_initialize", out nint initialize)
            && NativeLibrary.TryGetExport(handle, "_ZN2at13globalContextEv", out nint context)
            && NativeLibrary.TryGetExport(handle, "_ZN2at7Context20setUserEnabledNNPACKEb", out nint enable)
            && ((delegate* unmanaged<int>)initialize)() != 0)
        {
            ((delegate* unmanaged<nint, byte, void>)enable)(((delegate* unmanaged<nint>)context)(), 0);
        }
    }
}
