using Microsoft.ML;
using PatchDpo.MLNet.Interop;
using PatchDpo.MLNet.Tests.Support;
using PatchDpo.Torch.Personalization;

namespace PatchDpo.MLNet.Tests;

/// <summary>Saves a generating transformer as versions 1.1 and 1.2 of the format did.</summary>
internal static class OldVersionTransformer
{
    public const uint First = 0x00010001, Second = 0x00010002;

    public static ITransformer Of(PersonalizedImageTransformer current, PersonalizedImageEstimator.Options options, uint version)
        => new OldFormat(current, context =>
    {
        BinaryWriter writer = ModelFormat.BeginSave(context, new ModelSignature("PERSIMAG", "PatchDpoPersonalImages", version));
        new ModelLocation(current.Model.FolderPath).Write(writer, ignoredFile: "ip_adapter.safetensors");
        writer.Write(current.Model.DType.ToString());
        writer.Write(current.Model.AdapterScale);
        writer.Write(options.PromptColumnName);
        writer.Write(options.ReferenceColumnNames.Count);
        foreach (string name in options.ReferenceColumnNames)
            writer.Write(name);
        writer.Write(options.OutputColumnName);
        writer.Write(options.NoiseIndexColumnName ?? "");
        GenerationOptions generation = options.Generation;
        writer.Write(generation.Steps);
        writer.Write(generation.GuidanceScale);
        writer.Write(generation.AdapterScale ?? double.NaN);
        writer.Write(generation.NegativePrompt);
        writer.Write(generation.Seed);
        writer.Write(generation.BatchSize);
        writer.Write(generation.Width ?? 0);
        writer.Write(generation.Height ?? 0);
        writer.Write(generation.Sampler?.ToString() ?? "");
        writer.Write(generation.MaxPromptCharacters);
        if (version >= Second)
            writer.Write(generation.ReferenceFusion.ToString());
        ModelFormat.WriteEntry(context, "ip_adapter.safetensors", stream =>
        {
            string path = Path.Combine(Directory.CreateTempSubdirectory("patchdpo-adapter-").FullName, "adapter.safetensors");
            current.SaveAdapter(path);
            stream.Write(File.ReadAllBytes(path));
            Directory.Delete(Path.GetDirectoryName(path)!, recursive: true);
        });
    });
}
