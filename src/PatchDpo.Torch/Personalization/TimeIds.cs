using static TorchSharp.torch;

namespace PatchDpo.Torch.Personalization;

/// <summary>SDXL's size conditioning: rows of original height and width, crop top and left, target height and width, in pixels.</summary>
internal static class TimeIds
{
    /// <summary>Rows for images that are generated at one size, uncropped: <c>(B,6)</c>, float32.</summary>
    public static Tensor Uncropped(int batch, int height, int width, Device device)
        => tensor(new float[] { height, width, 0, 0, height, width }, device: device).unsqueeze(0).repeat(batch, 1);
}
