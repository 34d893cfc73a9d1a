using PatchDpo.Torch.Images;

namespace PatchDpo.MLNet.Interop;

/// <summary>Images of rows that wait, loaded by workers: of a picture that several of them show, one is loaded.</summary>
/// <remarks>Used by one thread.</remarks>
internal sealed class ImagesAhead
{
    private readonly Dictionary<UInt128, (Task<ImageBuffer> Loading, int Rows)> _begun = [];

    /// <summary>Begins to load a row's image, or joins one that waits.</summary>
    public Task<ImageBuffer> Begin(RowImage image)
    {
        (Task<ImageBuffer> Loading, int Rows) begun = _begun.TryGetValue(image.Key, out (Task<ImageBuffer>, int) known) ? known : (Task.Run(Load), 0);
        _begun[image.Key] = (begun.Loading, begun.Rows + 1);
        return begun.Loading;

        ImageBuffer Load()
        {
            ImageBuffer pixels = image.Load();
            // Whoever encodes it asks for that next.
            image.Identify(pixels);
            return pixels;
        }
    }

    /// <summary>Lets go of it when the row waits no more.</summary>
    public void End(RowImage image)
    {
        (Task<ImageBuffer> loading, int rows) = _begun[image.Key];
        if (rows == 1)
            _begun.Remove(image.Key);
        else
            _begun[image.Key] = (loading, rows - 1);
    }
}
