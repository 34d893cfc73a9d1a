using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Models;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Personalization;

/// <summary>The latents of an image became NaN or infinite while it was generated; it would have been black.</summary>
public sealed class NonFiniteLatentsException : NonFiniteOutputException
{
    private readonly ScalarType _dtype;
    private readonly DamagedWeights? _cause;

    /// <summary>Creates the exception.</summary>
    /// <param name="request">The index of the image's request.</param>
    /// <param name="dtype">The type of the model's weights.</param>
    public NonFiniteLatentsException(int request, ScalarType dtype) : this($"request {request}", request, dtype, null)
    {
    }

    internal NonFiniteLatentsException(string item, int index, ScalarType dtype, DamagedWeights? cause)
        : base($"The latents of {item} became NaN or infinite{Advice(dtype, cause)}", cause?.Part ?? "The network", cause?.Path, item, index)
    {
        _dtype = dtype;
        _cause = cause;
    }

    /// <summary>The index of the image's request in its call.</summary>
    public int RequestIndex => Index;

    internal override NonFiniteOutputException For(string item, int index) => new NonFiniteLatentsException(item, index, _dtype, _cause);

    private static string Advice(ScalarType dtype, DamagedWeights? cause) => cause is not null ? $": {cause}"
        : dtype == ScalarType.Float16 ? " in float16, whose largest number is 65,504: load the model in bfloat16 or float32."
        : "; a lower guidance scale may help.";
}
