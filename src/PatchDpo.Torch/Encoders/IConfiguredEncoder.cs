namespace PatchDpo.Torch.Encoders;

/// <summary>An encoder whose stage, patches and image size were chosen.</summary>
internal interface IConfiguredEncoder
{
    /// <summary>How it is used, as options that would open it so.</summary>
    VisionEncoderOptions Options { get; }
}
