using TorchSharp;

namespace PatchDpo.Torch.Weights.Safetensors;

/// <summary>One tensor of a safetensors header.</summary>
/// <param name="Key">The tensor's name.</param>
/// <param name="DType">Its dtype.</param>
/// <param name="Shape">Its shape; empty for a scalar.</param>
/// <param name="Begin">First byte, counted from the end of the header.</param>
/// <param name="End">One past the last byte.</param>
internal sealed record SafetensorsEntry(string Key, torch.ScalarType DType, long[] Shape, long Begin, long End);
