using System.Runtime.InteropServices;
using System.Text;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.Models;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Encoders;

/// <summary>What decides an encoder's features, in one number: its weights, its configuration, how it is used and how it sees images.</summary>
internal static class EncoderFingerprint
{
    private const int ProbeWidth = 83, ProbeHeight = 61;

    /// <summary>The SHA-256 of all of it.</summary>
    /// <exception cref="ArgumentException">The encoder is none of this library's, so that nobody can tell.</exception>
    public static string Of(IVisionEncoder encoder)
    {
        PatchHeadEncoder? headed = encoder as PatchHeadEncoder;
        IVisionEncoder below = headed?.Encoder ?? encoder;
        if (below is not nn.Module module || EncoderKinds.All.FirstOrDefault(k => k.Owns(below)) is not EncoderKind kind)
        {
            throw new ArgumentException(
                $"Features of {encoder.GetType().Name} cannot be kept on the disk: it is none of this library's encoders, and nothing tells when it changes.");
        }
        var text = new StringBuilder($"{below.GetType().FullName}\n{kind.Describe(below)?.ToJsonString()}\n");
        foreach ((string name, string value) in StoredEncoderOptions.Describe(below).OrderBy(o => o.Key, StringComparer.Ordinal))
            text.Append($"{name} {value}\n");
        text.Append($"{ModelIdentity.HashOf(module)}\n{(headed is null ? "" : ModelIdentity.HashOf(headed.Head))}\n{Seen(encoder.Preprocessor)}\n");
        return FileHash.Of(Encoding.UTF8.GetBytes(text.ToString()));
    }

    /// <summary>How images are seen, by what becomes of one: plain arithmetic, the same wherever it runs.</summary>
    private static string Seen(IImagePreprocessor preprocessor)
    {
        byte[] pixels = new byte[ProbeWidth * ProbeHeight * 3];
        for (int i = 0; i < pixels.Length; i++)
            pixels[i] = (byte)((i * 37) ^ (i / ProbeWidth));
        using Tensor seen = preprocessor.Preprocess(new ImageBuffer(ProbeWidth, ProbeHeight, 3, pixels));
        return $"{seen.shape[1]} {seen.shape[2]} {FileHash.Of(MemoryMarshal.AsBytes<float>(seen.ToFloats()).ToArray())}";
    }
}
