using PatchDpo.Torch.Encoders;

namespace PatchDpo.MLNet;

/// <summary>A loaded encoder, with whether it is ours to dispose.</summary>
internal sealed record OpenedEncoder(IVisionEncoder Encoder, bool Owned) : IDisposable
{
    public void Dispose()
    {
        if (Owned)
            Encoder.Dispose();
    }
}
