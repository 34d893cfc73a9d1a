using System.Runtime.InteropServices;
using System.Security.Cryptography;
using PatchDpo.Torch.Diffusion;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Training.Data;

/// <summary>What a store holds, and under which names.</summary>
internal static class ConditionKinds
{
    /// <summary>Text states, by <see cref="TextContent"/>.</summary>
    public const string Text = "text";

    /// <summary>Image prompts, by their images.</summary>
    public const string Image = "image";

    private const string LatentsName = "latents", HiddenStates = "hidden_states", Pooled = "pooled";

    /// <summary>What stands for the image of an image prompt that is dropped.</summary>
    public static UInt128 DroppedImage => UInt128.Zero;

    /// <summary>Latents of images at a side in pixels.</summary>
    public static string Latents(int size) => $"latents-{size}";

    /// <summary>Which text states a prompt has; with images, where they change the text.</summary>
    /// <param name="prompt">The prompt's content.</param>
    /// <param name="images">Its image prompts' images; null where they do not matter.</param>
    public static UInt128 TextContent(UInt128 prompt, UInt128[]? images)
        => images is null ? prompt : MemoryMarshal.Read<UInt128>(SHA256.HashData(MemoryMarshal.AsBytes<UInt128>([prompt, .. images])));

    /// <summary>The tensors of latents.</summary>
    public static IEnumerable<KeyValuePair<string, Tensor>> TensorsOf(Tensor latents) => [new(LatentsName, latents)];

    /// <summary>The tensors of text states.</summary>
    public static IEnumerable<KeyValuePair<string, Tensor>> TensorsOf(TextConditions text)
        => text.Pooled is null ? [new(HiddenStates, text.HiddenStates)] : [new(HiddenStates, text.HiddenStates), new(Pooled, text.Pooled)];

    /// <summary>The tensors of image prompts.</summary>
    public static IEnumerable<KeyValuePair<string, Tensor>> TensorsOf(ImagePrompt images)
        => images.Names.Select(n => KeyValuePair.Create(n, images[n]));

    /// <summary>Latents of tensors.</summary>
    public static Tensor ToLatents(IReadOnlyDictionary<string, Tensor> tensors) => tensors[LatentsName];

    /// <summary>Text states of tensors.</summary>
    public static TextConditions ToText(IReadOnlyDictionary<string, Tensor> tensors) => new(tensors[HiddenStates], tensors.GetValueOrDefault(Pooled));
}
