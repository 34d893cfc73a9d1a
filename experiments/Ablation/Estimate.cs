using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.PatchQuality;
using ProceduralCharacters;

namespace Ablation;

/// <summary>A way to estimate p.</summary>
/// <param name="Name">What it is, for tables.</param>
/// <param name="Score">The quality of each pair: cases, and the images generated of them.</param>
internal sealed record Estimate(string Name, Func<IReadOnlyList<TrainingCase>, IReadOnlyList<ImageBuffer>, IReadOnlyList<QualityMapPair>> Score)
{
    /// <summary>Pixels of outline around drawn objects, which the drawing program's masks leave out.</summary>
    public const int Outline = 1;

    private static readonly ReferenceViews SizesAndMirrored = new() { Scales = [25.0 / 29, 0.5], Mirrored = true };

    /// <summary>By the shipped patch encoder, over the objects alone: of the reference and of the generated image.</summary>
    public static Estimate Masked { get; } = Encoder("embedded encoder", () => PatchEncoder.LoadEmbedded());

    /// <summary>The same with the encoder as it was before its self-supervised training.</summary>
    public static Estimate BeforeSelfSupervision { get; } = Encoder(
        "embedded encoder, no self-supervision", () => PatchEncoder.FromFolder(EmbeddedModels.PatchEncoderBefore));

    /// <summary>Over the reference's object and the whole generated image.</summary>
    public static Estimate ReferenceMasks { get; } = Encoder(
        "embedded encoder, references' masks alone", () => PatchEncoder.LoadEmbedded(), masksGenerated: false);

    /// <summary>1 where a part is right, 0 where it is wrong, from the drawing program.</summary>
    public static Estimate Oracle { get; } = new("oracle", (cases, generated) => [.. cases.Zip(generated, PartOracle.Judge)]);

    /// <summary>By the shipped patch encoder, of objects that are brought to their references' place and size: how likely a patch is right.</summary>
    public static Estimate Aligned { get; } = Encoder(
        "embedded encoder, aligned objects", () => PatchEncoder.LoadEmbedded(), alignment: new ObjectAlignment { Margin = Outline });

    // The next two tell right from wrong better, but training with them brought less.
    private static readonly Estimate AlignedWithColors = Encoder("embedded encoder, aligned objects, colours", () => PatchEncoder.LoadEmbedded(),
        alignment: new ObjectAlignment { Margin = Outline, ColorSpread = 0.15 });

    // The lines are those that fit prints with it.
    private static readonly Estimate AlignedAndEnlarged = Encoder(
        "embedded encoder at 128 pixels, aligned objects",
        () => PatchEncoder.LoadEmbedded(options: new VisionEncoderOptions { ImageSize = 2 * CharacterRenderer.Size }),
        alignment: new ObjectAlignment
        {
            Margin = Outline, Displacement = 16, InPlace = new WeightMapping(0.6f, 1, 1), Moved = new WeightMapping(0.08f, 1.08f, 1),
        });

    /// <summary>Those whose accuracy on planted faults is measured.</summary>
    public static IReadOnlyList<Estimate> Measured { get; } =
    [
        Masked, Encoder("embedded encoder, views", () => PatchEncoder.LoadEmbedded(), SizesAndMirrored),
        BeforeSelfSupervision,
        Encoder("embedded encoder, no self-supervision, views", () => PatchEncoder.FromFolder(EmbeddedModels.PatchEncoderBefore), SizesAndMirrored),
        ResNet18(1), ResNet18(1, SizesAndMirrored), ResNet18(3), ResNet18(3, SizesAndMirrored),
        Aligned, AlignedWithColors, AlignedAndEnlarged, Oracle,
    ];

    private static Estimate ResNet18(int stage, ReferenceViews? views = null) => Encoder($"ResNet-18, stage {stage}{(views is null ? "" : ", views")}",
        () => PatchEncoder.LoadResNet18(options: new VisionEncoderOptions { PatchStages = [stage] }), views);

    private static Estimate Encoder(
        string name, Func<IVisionEncoder> open, ReferenceViews? views = null, bool masksGenerated = true, ObjectAlignment? alignment = null)
        => new(name, (cases, generated) =>
    {
        ImageBuffer[] references = cases.Select(c => c.Reference).ToArray();
        bool[,]?[] ofReferences = [.. references.Select(r => ForegroundMask.FromPlainBackground(r))];
        bool[,]?[]? ofGenerated = masksGenerated ? [.. cases.Select(c => c.Foreground())] : null;
        using IVisionEncoder encoder = open();
        var estimator = new PatchQualityEstimator(encoder, referenceViews: views, objectAlignment: alignment);
        return [.. estimator.Score(generated, references, ofReferences, ofGenerated).Select(q => new QualityMapPair(q.Reference, q.Generated))];
    });
}
