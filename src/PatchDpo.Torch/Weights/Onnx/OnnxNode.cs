namespace PatchDpo.Torch.Weights.Onnx;

/// <summary>An operation of an ONNX graph, as far as the library looks at it.</summary>
/// <param name="Name">Its name, for messages.</param>
/// <param name="Operation">What it does: <c>Conv</c>, <c>Relu</c> …</param>
/// <param name="Inputs">The values that it takes, by name.</param>
/// <param name="Outputs">The values that it makes, by name.</param>
/// <param name="Integers">Attributes of one integer or several.</param>
/// <param name="Floats">Attributes of one float.</param>
internal sealed record OnnxNode(
    string Name, string Operation, IReadOnlyList<string> Inputs, IReadOnlyList<string> Outputs, IReadOnlyDictionary<string, IReadOnlyList<long>> Integers,
    IReadOnlyDictionary<string, float> Floats);
