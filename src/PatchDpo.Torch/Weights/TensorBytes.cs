using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using PatchDpo.Torch.Weights.Zip;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Weights;

/// <summary>Moves raw bytes between files and the memory of contiguous CPU tensors of any size.</summary>
internal static unsafe partial class TensorBytes
{
    // Tensor.bytes is a span and so ends at 2 GB; longer tensors are walked in pieces of this many elements.
    private const long PieceElements = 1L << 26;

    private const int ChecksumLength = 1 << 17;

    private const int HugePage = 2 << 20;
    private const int AdviseHugePage = 14;

    private delegate bool PieceAction(Span<byte> bytes, long byteOffset);

    /// <summary>Fills a contiguous CPU tensor from a place in a file; false where the file ends before it.</summary>
    /// <param name="file">The file.</param>
    /// <param name="position">The place.</param>
    /// <param name="target">The tensor.</param>
    /// <param name="checksum">Takes the bytes too, while they are in the processor's cache; or null.</param>
    public static bool TryRead(SafeFileHandle file, long position, Tensor target, Crc32? checksum = null) => ForEachPiece(target, (bytes, offset) =>
    {
        PreferHugePages(bytes);
        if (checksum is null)
            return TryRead(file, position + offset, bytes);
        for (int begin = 0; begin < bytes.Length; begin += ChecksumLength)
        {
            Span<byte> part = bytes.Slice(begin, Math.Min(ChecksumLength, bytes.Length - begin));
            if (!TryRead(file, position + offset + begin, part))
                return false;
            checksum.Append(part);
        }
        return true;
    });

    /// <summary>Fills a contiguous CPU tensor with values that have another type in the file; false where the file ends before them.</summary>
    public static bool TryReadConverted(SafeFileHandle file, long position, ScalarType type, Tensor target, ConversionBuffer buffer)
    {
        ForEachPiece(target, (bytes, _) =>
        {
            PreferHugePages(bytes);
            return true;
        });
        using DisposeScope scope = NewDisposeScope();
        Tensor values = target.view(-1);
        long count = target.numel();
        for (long begin = 0; begin < count; begin += ConversionBuffer.Elements)
        {
            using DisposeScope pieces = NewDisposeScope();
            long length = Math.Min(ConversionBuffer.Elements, count - begin);
            Tensor piece = buffer.Values(type, length);
            if (!TryRead(file, position + (begin * piece.ElementSize), piece.bytes))
                return false;
            // libtorch converts between its two 16-bit types value by value, but each to and from float32, which loses nothing, at once.
            if (IsHalf(type) && IsHalf(target.dtype))
                piece = buffer.Floats(length).copy_(piece);
            values.narrow(0, begin, length).copy_(piece);
        }
        return true;

        static bool IsHalf(ScalarType type) => type is ScalarType.Float16 or ScalarType.BFloat16;
    }

    /// <summary>Fills memory from a place in a file; false where the file ends before it.</summary>
    public static bool TryRead(SafeFileHandle file, long position, Span<byte> target)
    {
        while (!target.IsEmpty)
        {
            int count = RandomAccess.Read(file, target, position);
            if (count == 0)
                return false;
            target = target[count..];
            position += count;
        }
        return true;
    }

    /// <summary>Hands a contiguous CPU tensor's memory to a writer, piece by piece.</summary>
    public static void WriteTo(Tensor tensor, Action<ReadOnlySpan<byte>> write) => ForEachPiece(tensor, (bytes, _) =>
    {
        write(bytes);
        return true;
    });

    private static bool ForEachPiece(Tensor tensor, PieceAction action)
    {
        long count = tensor.numel();
        for (long begin = 0; begin < count; begin += PieceElements)
        {
            using DisposeScope scope = NewDisposeScope();
            Tensor piece = tensor.view(-1).narrow(0, begin, Math.Min(PieceElements, count - begin));
            if (!action(piece.bytes, begin * piece.ElementSize))
                return false;
        }
        return true;
    }

    /// <summary>Asks Linux for 2 MB pages: the page faults of new memory cost more than reading a cached file does.</summary>
    private static void PreferHugePages(Span<byte> bytes)
    {
        if (!OperatingSystem.IsLinux())
            return;
        fixed (byte* start = bytes)
        {
            nint first = ((nint)start + HugePage - 1) & -HugePage, end = ((nint)start + bytes.Length) & -HugePage;
            // Only advice: where the kernel does not take it, its pages stay small.
            if (first < end)
                _ = MemoryAdvise(first, (nuint)(end - first), AdviseHugePage);
        }
    }

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int MemoryAdvise(nint address, nuint length, int advice);
}
