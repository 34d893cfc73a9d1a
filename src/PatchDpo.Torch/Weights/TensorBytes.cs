using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Weights;

/// <summary>Raw access to the memory of contiguous CPU tensors of any size.</summary>
internal static unsafe class TensorBytes
{
    // Tensor.bytes is a span and so ends at 2 GB; longer tensors are walked in pieces of this many elements.
    private const long PieceElements = 1L << 26;

    /// <summary>Fills a contiguous CPU tensor from memory.</summary>
    public static void CopyFrom(Tensor tensor, byte* source) => ForEachPiece(tensor, (bytes, offset) => new ReadOnlySpan<byte>(source + offset, bytes.Length).CopyTo(bytes));

    /// <summary>Writes a contiguous CPU tensor's memory to a stream.</summary>
    public static void WriteTo(Tensor tensor, Stream stream) => ForEachPiece(tensor, (bytes, _) => stream.Write(bytes));

    private delegate void PieceAction(Span<byte> bytes, long byteOffset);

    private static void ForEachPiece(Tensor tensor, PieceAction action)
    {
        long count = tensor.numel();
        for (long begin = 0; begin < count; begin += PieceElements)
        {
            using DisposeScope scope = NewDisposeScope();
            Tensor piece = tensor.view(-1).narrow(0, begin, Math.Min(PieceElements, count - begin));
            action(piece.bytes, begin * piece.ElementSize);
        }
    }
}
