using static TorchSharp.torch;

namespace PatchDpo.Torch.Personalization;

/// <summary>The latents of an image became NaN or infinite while it was generated; it would have been black.</summary>
public sealed class NonFiniteLatentsException : Exception
{
    /// <summary>Creates the exception.</summary>
    /// <param name="request">The index of the image's request.</param>
    /// <param name="dtype">The type of the model's weights.</param>
    public NonFiniteLatentsException(int request, ScalarType dtype)
        : base($"The latents of request {request} became NaN or infinite{(dtype == ScalarType.Float16 ? " in float16, whose largest number is 65,504: load the model in bfloat16 or float32." : "; a lower guidance scale may help.")}")
        => RequestIndex = request;

    /// <summary>The index of the image's request in its call.</summary>
    public int RequestIndex { get; }
}
