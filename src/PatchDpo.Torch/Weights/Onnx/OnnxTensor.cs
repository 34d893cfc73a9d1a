using static TorchSharp.torch;

namespace PatchDpo.Torch.Weights.Onnx;

/// <summary>An initialiser of an ONNX graph, and where its values lie in the file.</summary>
/// <param name="Name">Its name.</param>
/// <param name="DType">The type of its values.</param>
/// <param name="Shape">Its shape; empty for a scalar.</param>
/// <param name="Position">The first value's place in the file; values lie in C order, little-endian.</param>
internal sealed record OnnxTensor(string Name, ScalarType DType, long[] Shape, long Position);
