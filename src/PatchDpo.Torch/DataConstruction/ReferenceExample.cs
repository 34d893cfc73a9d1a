using PatchDpo.Torch.Images;

namespace PatchDpo.Torch.DataConstruction;

/// <summary>What a reference will be like, to ask before any is drawn whether the model can work with such ones.</summary>
internal static class ReferenceExample
{
    private const int Side = 16;

    /// <summary>A black square on white.</summary>
    public static ReferenceImage OnWhite()
    {
        byte[] pixels = new byte[Side * Side];
        for (int i = 0; i < pixels.Length; i++)
        {
            bool isObject = i % Side is >= Side / 4 and < Side * 3 / 4 && i / Side is >= Side / 4 and < Side * 3 / 4;
            pixels[i] = isObject ? (byte)0 : byte.MaxValue;
        }
        return new ReferenceImage(new ImageBuffer(Side, Side, 1, pixels));
    }
}
