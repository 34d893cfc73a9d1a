namespace PatchDpo.Torch.Models;

/// <summary>Which files count as a model's; the older rules are for models that were saved by them.</summary>
internal enum ModelFilesRule
{
    /// <summary>What loading reads.</summary>
    Current,

    /// <summary>Checkpoints beside safetensors as well.</summary>
    WithCheckpoints,

    /// <summary>These, and what desktops leave behind.</summary>
    WithLitter,
}
