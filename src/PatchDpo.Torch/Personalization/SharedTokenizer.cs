using PatchDpo.Torch.Clip;

namespace PatchDpo.Torch.Personalization;

/// <summary>CLIP's tokenizer from a path that the user names, for either text encoder: they have one vocabulary and pad in other ways.</summary>
internal static class SharedTokenizer
{
    /// <summary>Reads it.</summary>
    /// <param name="folder">The tokenizer's folder.</param>
    /// <param name="second">Whether it is for SDXL's second text encoder, which is padded with "!"; the others with the end token.</param>
    public static ClipTokenizer Open(string folder, bool second) => ClipTokenizer.FromFolder(folder, second ? "!" : ClipTokenizer.EndToken);
}
