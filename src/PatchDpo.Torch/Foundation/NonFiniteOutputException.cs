using static TorchSharp.torch;

namespace PatchDpo.Torch.Foundation;

/// <summary>A part of a model gave NaN, infinite numbers or numbers too large to compute with: as a rule, its weights are damaged.</summary>
/// <remarks>The result would have been a black or a normal-looking picture, or a score that means nothing.</remarks>
public class NonFiniteOutputException : PatchDpoException
{
    /// <summary>Creates the exception.</summary>
    /// <param name="part">Which part of the model, such as "The autoencoder".</param>
    /// <param name="weightsPath">The file that its weights came from; null where it came from none.</param>
    /// <param name="output">What it gave, such as "pixels".</param>
    /// <param name="item">What it gave this for, such as "request 3".</param>
    /// <param name="index">The item's place in its call, from 0.</param>
    /// <param name="dtype">The type of what it gave.</param>
    public NonFiniteOutputException(string part, string? weightsPath, string output, string item, int index, ScalarType dtype = ScalarType.Float32)
        : this(
            $"{part}{(weightsPath is null ? "" : $" ('{weightsPath}')")} gave {output} that are NaN, infinite or beyond {FiniteOutput.Largest:g} for "
                + $"{item}. {Advice(dtype)}",
            part, weightsPath, item, index)
    {
        Output = output;
        DType = dtype;
    }

    /// <summary>Creates the exception with a message of its own.</summary>
    private protected NonFiniteOutputException(string message, string part, string? weightsPath, string item, int index) : base(message)
    {
        Part = part;
        WeightsPath = weightsPath;
        Item = item;
        Index = index;
    }

    /// <summary>Which part of the model it was.</summary>
    public string Part { get; }

    /// <summary>The file that the part's weights came from; null where it came from none.</summary>
    public string? WeightsPath { get; }

    /// <summary>What the part gave this for.</summary>
    public string Item { get; }

    /// <summary>The item's place in its call, from 0.</summary>
    public int Index { get; }

    private string Output { get; } = "";

    private ScalarType DType { get; }

    /// <summary>The same fault, named as the caller knows the item.</summary>
    internal virtual NonFiniteOutputException For(string item, int index) => new(Part, WeightsPath, Output, item, index, DType);

    private static string Advice(ScalarType dtype) => dtype == ScalarType.Float16
        ? "Float16's largest number is 65,504: load the model in bfloat16 or float32; if that gives the same, its weights are damaged."
        : "Its weights are damaged: patchdpo inspect shows with --stats which tensors, and the file has to be fetched or made again.";
}
