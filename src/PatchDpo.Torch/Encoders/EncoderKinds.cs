using System.Collections.Immutable;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.Weights;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Encoders;

/// <summary>The kinds of image encoders that can be opened and written.</summary>
internal static class EncoderKinds
{
    private static ImmutableList<EncoderKind> s_all = [];

    /// <summary>All of them, in the order in which a file's anchors are looked for.</summary>
    public static IReadOnlyList<EncoderKind> All => s_all;

    /// <summary>Adds kinds behind those that are there.</summary>
    public static void Register(params IEnumerable<EncoderKind> kinds) => ImmutableInterlocked.Update(ref s_all, all => all.AddRange(kinds));

    /// <summary>Opens the encoder that a lone file of weights holds, set to evaluation; the tensors' keys and shapes tell which it is.</summary>
    /// <exception cref="UnknownModelException">The tensors are those of no encoder that can be opened.</exception>
    public static IVisionEncoder Open(ITensorSource file, Device? device, ScalarType? dtype, VisionEncoderOptions options)
    {
        foreach (EncoderKind kind in All)
            if (kind.Find(file) is (ITensorSource state, string anchor))
                return kind.FromState(state, anchor, device, dtype, options);
        string found = TensorFileKind.Describe(file) is string what ? $"this is not an image encoder that can be opened, but {what}"
            : "its tensors are those of no image encoder that can be opened";
        throw new UnknownModelException(
            file.Path, null, $"{found}; looked for {string.Join(", ", All.SelectMany(k => k.Anchors).Select(a => $"'{a.Key}' ({a.Meaning})"))}.");
    }

    /// <summary>Opens the encoder in a folder by what its configuration says that it is, set to evaluation.</summary>
    /// <exception cref="ModelConfigException">It says that it is of no kind that can be opened.</exception>
    public static IVisionEncoder Open(string folder, ModelConfig config, Device? device, ScalarType? dtype, VisionEncoderOptions options)
    {
        string field = config.Has("model_type") ? "model_type" : "architectures";
        string name = field == "model_type" ? config.GetString(field) : config.GetStringArray(field).FirstOrDefault("");
        EncoderKind kind = All.FirstOrDefault(k => k.ModelTypes.Contains(name)) ?? throw config.Fault(
            field, $"'{name}' is not an image encoder that can be opened; {string.Join(" and ", All.Select(k => k.ModelTypeHint).OfType<string>())} are.");
        return kind.FromFolder(folder, name, config, device, dtype, options);
    }

    /// <summary>The kind of an encoder.</summary>
    /// <exception cref="ArgumentException">It is none of this library's.</exception>
    public static EncoderKind Of(IVisionEncoder encoder)
        => All.FirstOrDefault(k => k.Owns(encoder))
            ?? throw new ArgumentException($"{encoder.GetType().Name} is no encoder that this library can write.", nameof(encoder));
}
