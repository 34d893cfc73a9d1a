using Microsoft.ML;
using PatchDpo.MLNet.Interop;
using PatchDpo.MLNet.Tests.Support;

namespace PatchDpo.MLNet.Tests;

/// <summary>Saves a scoring transformer with default options as version 1.1 of the format did.</summary>
internal static class FirstVersionScoring
{
    public static ITransformer Of(PatchQualityScoringTransformer current, ImageEncoder encoder) => new OldFormat(current, context =>
    {
        BinaryWriter writer = ModelFormat.BeginSave(context, new ModelSignature("PTCHQUAL", "PatchDpoPatchQuality", 0x00010001));
        encoder.Write(writer);
        foreach (string column in new[] { "Generated", "Reference", "GeneratedQuality", "ReferenceQuality", "PatchQualityScore", "" })
            writer.Write(column);
        writer.Write(false);
        writer.Write(16);
    });
}
