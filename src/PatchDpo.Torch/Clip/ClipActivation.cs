namespace PatchDpo.Torch.Clip;

/// <summary>The activation of a CLIP tower's MLPs.</summary>
public enum ClipActivation
{
    /// <summary><c>x * sigmoid(1.702 x)</c>: OpenAI's models.</summary>
    QuickGelu,

    /// <summary>The exact (erf) GELU: OpenCLIP's models, such as SDXL's second text encoder and IP-Adapter's image encoder.</summary>
    Gelu,
}
