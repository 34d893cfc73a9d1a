using Microsoft.ML;
using Microsoft.ML.Runtime;
using PatchDpo.MLNet.Interop;
using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.PatchQuality;
using Options = PatchDpo.MLNet.PatchQualityScoringEstimator.Options;

namespace PatchDpo.MLNet;

/// <summary>Scores each patch of generated images against a reference image; made by <see cref="PatchQualityScoringEstimator"/>.</summary>
/// <remarks>
/// Saved with a model is where the encoder is (a folder with the SHA-256 of its files, or that it is the embedded one), not
/// its weights. Loading fails with a <see cref="ModelReferenceException"/> where that folder is gone or has changed.
/// </remarks>
public sealed class PatchQualityScoringTransformer : BatchedTransformer
{
    // 1.2 has the columns of masks, 1.3 those of several objects, 1.4 views of the references, 1.5 the alignment of objects,
    // 1.6 its colours.
    private const uint MaskVersion = 0x00010002, ObjectVersion = 0x00010003, ViewVersion = 0x00010004, AlignmentVersion = 0x00010005,
        ColorVersion = 0x00010006;

    internal static readonly ModelSignature Signature = new("PTCHQUAL", "PatchDpoPatchQuality", ColorVersion);

    private static readonly ImageBuffer Probe = new(32, 32, 3, new byte[32 * 32 * 3]);

    private readonly OpenedEncoder _encoder;
    private readonly ImageEncoder _source;
    private readonly Options _options;
    private readonly FeatureCache _features;
    private readonly IBatchedMapping _mapping;

    private PatchQualityScoringTransformer(OpenedEncoder encoder, ImageEncoder source, Options options)
    {
        _encoder = encoder;
        _source = source;
        _options = options;
        _features = new FeatureCache(options.FeatureCache);
        var estimator = new PatchQualityEstimator(
            encoder.Encoder, options.EncoderBatchSize ?? options.BatchSize, _features, options.ReferenceViews, options.ObjectAlignment);
        // The patch grid does not depend on the image: the preprocessor brings every image to one size. No one's images are kept with it.
        using var unkept = new FeatureCache(new FeatureCacheOptions { MaxBytes = 0 });
        QualityMap probe = new PatchQualityEstimator(encoder.Encoder, 1, unkept).Score([Probe], [Probe])[0].Generated;
        _mapping = options.ObjectReferenceColumnNames is null
            ? new PatchQualityScoringMapping(estimator, options, probe.Height, probe.Width, _features.Flush)
            : new ObjectQualityMapping(estimator, options, probe.Height, probe.Width, _features.Flush);
        (MapHeight, MapWidth) = (probe.Height, probe.Width);
    }

    /// <summary>Rows of patches in a quality map.</summary>
    public int MapHeight { get; }

    /// <summary>Patches in a row of a quality map.</summary>
    public int MapWidth { get; }

    internal override IBatchedMapping Mapping => _mapping;

    private protected override void Release()
    {
        try
        {
            _features.Dispose();
        }
        finally
        {
            _encoder.Dispose();
        }
    }

    internal static PatchQualityScoringTransformer Open(IHostEnvironment env, ImageEncoder source, Options options)
    {
        OpenedEncoder encoder = source.Open(EnvironmentDevice.Of(env));
        try
        {
            return new PatchQualityScoringTransformer(encoder, source, options);
        }
        catch
        {
            encoder.Dispose();
            throw;
        }
    }

    private protected override void Save(ModelSaveContext context)
    {
        BinaryWriter writer = ModelFormat.BeginSave(context, Signature);
        _source.Write(writer);
        writer.Write(_options.GeneratedColumnName);
        writer.Write(_options.ReferenceColumnName);
        writer.Write(_options.GeneratedQualityColumnName);
        writer.Write(_options.ReferenceQualityColumnName);
        writer.Write(_options.ScoreColumnName);
        writer.Write(_options.HeatMapColumnName ?? "");
        writer.Write(_options.IgnorePlainBackground);
        writer.Write(_options.BatchSize);
        writer.Write(_options.GeneratedMaskColumnName ?? "");
        writer.Write(_options.ReferenceMaskColumnName ?? "");
        writer.Write(_options.ObjectReferenceColumnNames?.Count ?? 0);
        foreach (string name in _options.ObjectReferenceColumnNames ?? [])
            writer.Write(name);
        writer.Write(_options.ReferenceViews is not null);
        if (_options.ReferenceViews is ReferenceViews views)
            WriteViews(writer, views);
        writer.Write(_options.ObjectAlignment is not null);
        if (_options.ObjectAlignment is ObjectAlignment alignment)
            WriteAlignment(writer, alignment);
    }

    private static void WriteViews(BinaryWriter writer, ReferenceViews views)
    {
        writer.Write(views.Mirrored);
        foreach (IReadOnlyList<double> numbers in new[] { views.Scales, views.Tilts })
        {
            writer.Write(numbers.Count);
            foreach (double number in numbers)
                writer.Write(number);
        }
    }

    private static void WriteAlignment(BinaryWriter writer, ObjectAlignment alignment)
    {
        writer.Write(alignment.Displacement);
        writer.Write(alignment.Smoothing);
        writer.Write(alignment.Percentile);
        writer.Write(alignment.Margin);
        foreach (WeightMapping line in new[] { alignment.InPlace, alignment.Moved })
        {
            writer.Write(line.Low);
            writer.Write(line.High);
            writer.Write(line.Contrast);
        }
        writer.Write(alignment.ColorSpread);
    }

    // Found by ML.NET when a saved model names Signature.Loader.
    private static PatchQualityScoringTransformer Create(IHostEnvironment env, object context)
    {
        BinaryReader reader = ModelFormat.BeginLoad(context, Signature);
        uint version = ModelFormat.WrittenVersion(context);
        bool hasMasks = version >= MaskVersion;
        ImageEncoder source = ImageEncoder.Read(reader);
        return Open(env, source, new Options
        {
            GeneratedColumnName = reader.ReadString(),
            ReferenceColumnName = reader.ReadString(),
            GeneratedQualityColumnName = reader.ReadString(),
            ReferenceQualityColumnName = reader.ReadString(),
            ScoreColumnName = reader.ReadString(),
            HeatMapColumnName = OptionalName(),
            IgnorePlainBackground = reader.ReadBoolean(),
            BatchSize = reader.ReadInt32(),
            GeneratedMaskColumnName = hasMasks ? OptionalName() : null,
            ReferenceMaskColumnName = hasMasks ? OptionalName() : null,
            ObjectReferenceColumnNames = version >= ObjectVersion && Names() is { Length: > 0 } objects ? objects : null,
            ReferenceViews = version >= ViewVersion && reader.ReadBoolean() ? Views() : null,
            ObjectAlignment = version >= AlignmentVersion && reader.ReadBoolean() ? Alignment() : null,
        });

        string[] Names() => [.. Enumerable.Range(0, reader.ReadInt32()).Select(_ => reader.ReadString())];

        ReferenceViews Views() => new()
        {
            Mirrored = reader.ReadBoolean(),
            Scales = Numbers(),
            Tilts = Numbers(),
        };

        ObjectAlignment Alignment() => new()
        {
            Displacement = reader.ReadDouble(),
            Smoothing = reader.ReadDouble(),
            Percentile = reader.ReadDouble(),
            Margin = reader.ReadInt32(),
            InPlace = Line(),
            Moved = Line(),
            ColorSpread = version >= ColorVersion ? reader.ReadDouble() : 0,
        };

        WeightMapping Line() => new(reader.ReadSingle(), reader.ReadSingle(), reader.ReadDouble());

        double[] Numbers() => [.. Enumerable.Range(0, reader.ReadInt32()).Select(_ => reader.ReadDouble())];

        string? OptionalName() => reader.ReadString() is { Length: > 0 } name ? name : null;
    }
}
