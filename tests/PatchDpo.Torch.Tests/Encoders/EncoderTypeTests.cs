using PatchDpo.Tests;
using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.PatchQuality;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Encoders;

/// <summary>Encoders in bfloat16: asked for by an option alone, and nearly the same ranks of patches.</summary>
public sealed class EncoderTypeTests
{
    [Fact]
    public void Maps_in_bfloat16_rank_patches_as_float32_does()
    {
        ImageBuffer[] generated = [.. Enumerable.Range(0, 6).Select(i => TestImages.Blocks(i, 64, 64, 9))];
        ImageBuffer[] references = [.. Enumerable.Range(0, 6).Select(i => TestImages.Blocks(i / 2, 64, 64, 11))];
        (float[] full, float[] half) = (Maps(null), Maps(ScalarType.BFloat16));
        Assert.NotEqual(full, half);
        Assert.InRange(Spearman(full, half), 0.99, 1);

        float[] Maps(ScalarType? dtype)
        {
            using IVisionEncoder encoder = PatchEncoder.FromFolder(EmbeddedModels.PatchEncoder, options: new VisionEncoderOptions { DType = dtype });
            return [.. new PatchQualityEstimator(encoder).Score(generated, references).SelectMany(r => r.Generated.Values.Concat(r.Reference.Values))];
        }
    }

    [Theory]
    [InlineData("CIFAR ResNet")]
    [InlineData("ResNet")]
    [InlineData("VGG")]
    [InlineData("ALIKE")]
    [InlineData("DINO")]
    [InlineData("DINOv2")]
    [InlineData("CLIP")]
    public void Every_kind_opens_in_the_type_that_the_options_name_and_in_float32_without(string kind)
    {
        using TemporaryFolder folder = new();
        using (ITrainableVisionEncoder encoder = TinyEncoders.Create(kind))
            PatchEncoder.Save(encoder, folder.File("encoder"));
        foreach ((ScalarType? asked, ScalarType type) in new (ScalarType?, ScalarType)[]
            { (null, ScalarType.Float32), (ScalarType.Float32, ScalarType.Float32), (ScalarType.BFloat16, ScalarType.BFloat16) })
        {
            using IVisionEncoder opened = PatchEncoder.FromFolder(folder.File("encoder"), options: new VisionEncoderOptions { DType = asked });
            Assert.All(((nn.Module)opened).parameters(), p => Assert.Equal(type, p.dtype));
            using Tensor pixels = ImageTensors.Batch([TestImages.Blocks(1, 64, 64, 8)], opened.Preprocessor);
            using VisionFeatures features = opened.Encode(pixels);
            Assert.Equal(type, features.Patches.dtype);
        }
        // Who opens it has the last word.
        using IVisionEncoder argued = PatchEncoder.FromFolder(folder.File("encoder"), dtype: ScalarType.Float32, options: new() { DType = ScalarType.BFloat16 });
        Assert.Equal(ScalarType.Float32, ((nn.Module)argued).parameters().First().dtype);
    }

    [Fact]
    public void A_type_that_no_encoder_has_is_refused()
        => Assert.Throws<ArgumentException>(() => new VisionEncoderOptions { DType = ScalarType.Int8 });

    /// <summary>The rank correlation.</summary>
    private static double Spearman(float[] a, float[] b)
    {
        (double[] x, double[] y) = (Ranks(a), Ranks(b));
        double mean = (a.Length - 1) / 2.0;
        double Product(double[] u, double[] v) => u.Zip(v, (p, q) => (p - mean) * (q - mean)).Sum();
        return Product(x, y) / Math.Sqrt(Product(x, x) * Product(y, y));

        static double[] Ranks(float[] values)
        {
            double[] ranks = new double[values.Length];
            int place = 0;
            foreach (IGrouping<float, int> tie in Enumerable.Range(0, values.Length).GroupBy(i => values[i]).OrderBy(g => g.Key))
            {
                int count = tie.Count();
                foreach (int i in tie)
                    ranks[i] = place + ((count - 1) / 2.0);
                place += count;
            }
            return ranks;
        }
    }
}
