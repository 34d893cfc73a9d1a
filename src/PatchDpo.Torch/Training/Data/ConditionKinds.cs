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

    /// <summary>What an image projection that is trained takes, by <see cref="PhotoContent"/>.</summary>
    public const string ImageFeatures = "image-features";

    private const string LatentsName = "latents", HiddenStates = "hidden_states", Pooled = "pooled", Photos = "photos";

    /// <summary>What stands for the image of an image prompt that is dropped.</summary>
    public static UInt128 DroppedImage => UInt128.Zero;

    /// <summary>Latents of images at a side in pixels.</summary>
    public static string Latents(int size) => $"latents-{size}";

    /// <summary>Which text states a prompt has; with images, where they change the text.</summary>
    /// <param name="prompt">The prompt's content.</param>
    /// <param name="images">Its image prompts' images; null where they do not matter.</param>
    public static UInt128 TextContent(UInt128 prompt, UInt128[]? images)
        => images is null ? prompt : MemoryMarshal.Read<UInt128>(SHA256.HashData(MemoryMarshal.AsBytes<UInt128>([prompt, .. images])));

    /// <summary>Which features one of a reference's photos has: the first those of the reference itself.</summary>
    /// <param name="reference">The reference's content.</param>
    /// <param name="photo">The photo's place.</param>
    public static UInt128 PhotoContent(UInt128 reference, int photo)
        => photo == 0 ? reference : MemoryMarshal.Read<UInt128>(SHA256.HashData(MemoryMarshal.AsBytes<UInt128>([reference, (UInt128)photo])));

    /// <summary>The tensors of latents.</summary>
    public static IEnumerable<KeyValuePair<string, Tensor>> TensorsOf(Tensor latents) => [new(LatentsName, latents)];

    /// <summary>The tensors of text states.</summary>
    public static IEnumerable<KeyValuePair<string, Tensor>> TensorsOf(TextConditions text)
        => text.Pooled is null ? [new(HiddenStates, text.HiddenStates)] : [new(HiddenStates, text.HiddenStates), new(Pooled, text.Pooled)];

    /// <summary>The tensors of image prompts.</summary>
    public static IEnumerable<KeyValuePair<string, Tensor>> TensorsOf(ImagePrompt images)
        => images.Names.Select(n => KeyValuePair.Create(n, images[n]));

    /// <summary>The tensors of features, a row a photo, and how many photos each row's reference has.</summary>
    public static IEnumerable<KeyValuePair<string, Tensor>> TensorsOf(ImagePrompt features, IEnumerable<int> photos)
        => TensorsOf(features).Append(new(Photos, tensor([.. photos.Select(n => (long)n)])));

    /// <summary>Features of tensors, and how many photos each row's reference has.</summary>
    public static (ImagePrompt Features, int[] Photos) ToFeatures(IReadOnlyDictionary<string, Tensor> tensors)
        => (new ImagePrompt(tensors.Where(t => t.Key != Photos)), [.. tensors[Photos].data<long>().ToArray().Select(n => (int)n)]);

    /// <summary>Latents of tensors.</summary>
    public static Tensor ToLatents(IReadOnlyDictionary<string, Tensor> tensors) => tensors[LatentsName];

    /// <summary>Text states of tensors.</summary>
    public static TextConditions ToText(IReadOnlyDictionary<string, Tensor> tensors) => new(tensors[HiddenStates], tensors.GetValueOrDefault(Pooled));
}
