using System.Runtime.InteropServices;

namespace PatchDpo.Torch.Foundation;

/// <summary>Settings of glibc's allocator, by which libtorch makes tensors on the CPU.</summary>
internal static unsafe class Glibc
{
    // malloc.h: M_TRIM_THRESHOLD, free memory at the heap's end from which on it is given back; M_MMAP_THRESHOLD, from which on a block is mapped by itself.
    private const int TrimThreshold = -1;
    private const int MapThreshold = -3;

    /// <summary>Whether blocks are taken from the heap, which is not given back; false where the C library is another one or refuses.</summary>
    public static bool KeepFreedMemory()
        // int mallopt(int param, int value); other C libraries have none, or one that does nothing. What may be refused comes first.
        => NativeLibrary.TryLoad("libc.so.6", out nint library)
            && NativeLibrary.TryGetExport(library, "gnu_get_libc_version", out _)
            && NativeLibrary.TryGetExport(library, "mallopt", out nint mallopt)
            && ((delegate* unmanaged<int, int, int>)mallopt)(MapThreshold, 1 << 30) != 0
            && ((delegate* unmanaged<int, int, int>)mallopt)(TrimThreshold, int.MaxValue) != 0;
}
