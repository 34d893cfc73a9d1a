using PatchDpo.Torch.Adapters;
using PatchDpo.Torch.Diffusion.Samplers;
using PatchDpo.Torch.Personalization;

namespace PatchDpo.MLNet;

/// <summary>Generation options in a saved model.</summary>
internal static class GenerationOptionsFormat
{
    /// <summary>
    /// The version that is written, 1.5: it says whether prompts may be empty, which they always might before. 1.4 has the automatic layout. 1.3 says
    /// whether prompts that are cut are refused. 1.2 has the fusion of references; in 1.1 several were always averaged.
    /// </summary>
    public const uint Version = WithEmptyPrompts;

    private const uint WithFusion = 0x00010002, WithRefusal = 0x00010003, WithLayout = 0x00010004, WithEmptyPrompts = 0x00010005;

    public static void Write(BinaryWriter writer, GenerationOptions options)
    {
        writer.Write(options.Steps);
        writer.Write(options.GuidanceScale);
        writer.Write(options.AdapterScale ?? double.NaN);
        writer.Write(options.NegativePrompt);
        writer.Write(options.Seed);
        writer.Write(options.BatchSize);
        writer.Write(options.Width ?? 0);
        writer.Write(options.Height ?? 0);
        writer.Write(options.Sampler?.ToString() ?? "");
        writer.Write(options.MaxPromptCharacters);
        writer.Write(options.ReferenceFusion.ToString());
        writer.Write(options.RefuseTruncatedPrompts);
        writer.Write(options.AutomaticLayout?.StartStep ?? 0);
        writer.Write(options.AutomaticLayout?.Threshold ?? 0);
        writer.Write(options.AllowEmptyPrompts);
    }

    /// <param name="reader">Stands where <see cref="Write"/> began.</param>
    /// <param name="version">The version that was written.</param>
    public static GenerationOptions Read(BinaryReader reader, uint version) => new()
    {
        Steps = reader.ReadInt32(),
        GuidanceScale = reader.ReadDouble(),
        AdapterScale = reader.ReadDouble() is double scale && !double.IsNaN(scale) ? scale : null,
        NegativePrompt = reader.ReadString(),
        Seed = reader.ReadInt64(),
        BatchSize = reader.ReadInt32(),
        Width = reader.ReadInt32() is int width and > 0 ? width : null,
        Height = reader.ReadInt32() is int height and > 0 ? height : null,
        Sampler = reader.ReadString() is { Length: > 0 } sampler ? Enum.Parse<SamplerKind>(sampler) : null,
        MaxPromptCharacters = reader.ReadInt32(),
        ReferenceFusion = version < WithFusion ? ReferenceFusion.Average : Enum.Parse<ReferenceFusion>(reader.ReadString()),
        RefuseTruncatedPrompts = version >= WithRefusal && reader.ReadBoolean(),
        AutomaticLayout = version >= WithLayout && (reader.ReadInt32(), reader.ReadDouble()) is (int start and > 0, double threshold)
            ? new AutomaticLayout { StartStep = start, Threshold = threshold } : null,
        AllowEmptyPrompts = version < WithEmptyPrompts || reader.ReadBoolean(),
    };
}
