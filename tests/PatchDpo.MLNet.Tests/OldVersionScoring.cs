using Microsoft.ML;
using PatchDpo.MLNet.Interop;
using PatchDpo.MLNet.Tests.Support;

namespace PatchDpo.MLNet.Tests;

/// <summary>Saves a scoring transformer with default options as versions 1.1 to 1.4 of the format did.</summary>
internal static class OldVersionScoring
{
    public const uint First = 0x00010001, Second = 0x00010002, Third = 0x00010003, Fourth = 0x00010004;

    public static ITransformer Of(PatchQualityScoringTransformer current, ImageEncoder encoder, uint version) => new OldFormat(current, context =>
    {
        BinaryWriter writer = ModelFormat.BeginSave(context, new ModelSignature("PTCHQUAL", "PatchDpoPatchQuality", version));
        encoder.Write(writer);
        foreach (string column in new[] { "Generated", "Reference", "GeneratedQuality", "ReferenceQuality", "PatchQualityScore", "" })
            writer.Write(column);
        writer.Write(false);
        writer.Write(16);
        if (version < Second)
            return;
        writer.Write("");
        writer.Write("");
        if (version >= Third)
            writer.Write(0);
        if (version >= Fourth)
            writer.Write(false);
    });
}
