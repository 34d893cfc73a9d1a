using System.Runtime.InteropServices;
using System.Security.Cryptography;
using PatchDpo.Torch.Images;

namespace PatchDpo.MLNet.Interop;

/// <summary>Gives the same object for images with the same pixels, so that each is kept and encoded once.</summary>
internal sealed class ImagePool
{
    private readonly Dictionary<UInt128, ImageBuffer> _images = [];

    public ImageBuffer Share(ImageBuffer image)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(MemoryMarshal.AsBytes<int>([image.Width, image.Height, image.Channels]));
        hash.AppendData(image.Pixels);
        UInt128 key = MemoryMarshal.Read<UInt128>(hash.GetHashAndReset());
        return _images.TryGetValue(key, out ImageBuffer? known) ? known : _images[key] = image;
    }
}
