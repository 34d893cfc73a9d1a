using Microsoft.ML;
using Microsoft.ML.Runtime;
using PatchDpo.MLNet.Interop;

namespace PatchDpo.MLNet;

/// <summary>Puts the images of several columns side by side into one; made by <see cref="ReferenceMontageEstimator"/>.</summary>
/// <remarks>
/// A row that lacks one of its images raises an <see cref="InvalidRowException"/> that names row and column when the row's montage is asked for.
/// </remarks>
public sealed class ReferenceMontageTransformer : BatchedTransformer
{
    internal static readonly ModelSignature Signature = new("REFMONTG", "PatchDpoReferenceMontage");

    private readonly ReferenceMontageMapping _mapping;

    internal ReferenceMontageTransformer(ReferenceMontageMapping mapping) => _mapping = mapping;

    internal override IBatchedMapping Mapping => _mapping;

    private protected override void Save(ModelSaveContext context)
    {
        BinaryWriter writer = ModelFormat.BeginSave(context, Signature);
        writer.Write(_mapping.OutputColumnName);
        writer.Write(_mapping.InputColumnNames.Count);
        foreach (string name in _mapping.InputColumnNames)
            writer.Write(name);
        writer.Write(_mapping.Size);
    }

    // Found by ML.NET when a saved model names Signature.Loader.
    private static ReferenceMontageTransformer Create(IHostEnvironment env, object context)
    {
        BinaryReader reader = ModelFormat.BeginLoad(context, Signature);
        return new ReferenceMontageTransformer(new ReferenceMontageMapping(
            reader.ReadString(),
            Enumerable.Range(0, reader.ReadInt32()).Select(_ => reader.ReadString()).ToArray(),
            reader.ReadInt32()));
    }
}
