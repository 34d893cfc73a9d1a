using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms.Image;
using PatchDpo.MLNet.Interop;
using PatchDpo.Torch.PatchQuality;

namespace PatchDpo.MLNet.Tests.Support;

/// <summary>A generated image and a reference, each with a mask of its object.</summary>
internal sealed class MaskedPairRow
{
    public int Id { get; set; }

    [ImageType(TestImages.Size, TestImages.Size)]
    public MLImage? Generated { get; set; }

    [ImageType(TestImages.Size, TestImages.Size)]
    public MLImage? Reference { get; set; }

    [ImageType(TestImages.Size, TestImages.Size)]
    public MLImage? GeneratedMask { get; set; }

    [ImageType(TestImages.Size, TestImages.Size)]
    public MLImage? ReferenceMask { get; set; }

    public static MaskedPairRow[] Create(int count) => Enumerable.Range(0, count).Select(i => new MaskedPairRow
    {
        Id = i,
        Generated = TestImages.Draw(i),
        Reference = TestImages.Draw(i + 1),
        GeneratedMask = Mask(left: true),
        ReferenceMask = Mask(left: false),
    }).ToArray();

    /// <summary>What an estimator says of rows when it is told their images and masks directly.</summary>
    public static IReadOnlyList<PatchQualityResult> Score(PatchQualityEstimator estimator, MaskedPairRow[] rows)
    {
        return estimator.Score([.. rows.Select(r => MLImages.ToImageBuffer(r.Generated!))], [.. rows.Select(r => MLImages.ToImageBuffer(r.Reference!))],
            [.. rows.Select(r => Foreground(r.ReferenceMask))], [.. rows.Select(r => Foreground(r.GeneratedMask))]);

        static bool[,] Foreground(MLImage? mask) => ForegroundMask.FromImage(MLImages.ToImageBuffer(mask!));
    }

    public static IDataView Rows(MLContext ml, int count) => ml.Data.LoadFromEnumerable(Create(count));

    /// <summary>Light in one half, dark in the other; <paramref name="light"/> 0 is dark all over.</summary>
    public static MLImage Mask(bool left, byte light = 255)
    {
        byte[] pixels = new byte[TestImages.Size * TestImages.Size * 4];
        for (int i = 0; i < pixels.Length; i++)
            pixels[i] = i % 4 == 3 ? (byte)255 : i / 4 % TestImages.Size < TestImages.Size / 2 == left ? light : (byte)0;
        return MLImage.CreateFromPixels(TestImages.Size, TestImages.Size, MLPixelFormat.Rgba32, pixels);
    }
}
