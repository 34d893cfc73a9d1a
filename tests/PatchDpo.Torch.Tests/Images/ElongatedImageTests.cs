using PatchDpo.Torch.Images;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Images;

/// <summary>Resizing before a crop costs what the crop keeps, to the same bytes as resizing all of it.</summary>
public class ElongatedImageTests
{
    [Fact]
    public void A_window_has_the_bytes_of_the_whole()
    {
        var random = new Random(4);
        for (int round = 0; round < 400; round++)
        {
            ImageBuffer image = Random(random, random.Next(1, 40), random.Next(1, 40), new[] { 1, 3, 4 }[random.Next(3)]);
            (int width, int height) = (Size(image.Width), Size(image.Height));
            ResampleFilter filter = Enum.GetValues<ResampleFilter>()[random.Next(Enum.GetValues<ResampleFilter>().Length)];
            (int x, int y, int w, int h) = (random.Next(-9, width + 3), random.Next(-9, height + 3), random.Next(1, 50), random.Next(1, 50));
            ImageBuffer whole = PillowResize.Resize(image, width, height, filter).Crop(x, y, w, h);
            PreprocessingFixture.AssertSame(whole, PillowResize.ResizeWindow(image, width, height, filter, x, y, w, h), $"round {round}: {filter}");
        }

        int Size(int side) => random.Next(4) == 0 ? side : random.Next(1, 60);
    }

    [Fact]
    public void A_squeezed_and_framed_image_has_the_bytes_of_the_whole()
    {
        var random = new Random(6);
        for (int round = 0; round < 120; round++)
        {
            int shorter = random.Next(1, 50), longer = shorter + random.Next(1, 90), frame = random.Next(0, 14), resizeTo = random.Next(
                8, 60), cropTo = random.Next(4, 66);
            ImageBuffer image = random.Next(2) == 0 ? Random(random, shorter, longer, 3) : Random(random, longer, shorter, 3);
            int offset = (int)Math.Floor((resizeTo - cropTo) / 2.0), framed = longer + (2 * frame);
            ImageBuffer square = PillowResize.Resize(image, longer, longer, ResampleFilter.Bicubic);
            byte[] pixels = new byte[framed * framed * 3];
            for (int i = 0; i < framed * framed; i++)
            {
                int from = (Math.Clamp((i / framed) - frame, 0, longer - 1) * longer) + Math.Clamp((i % framed) - frame, 0, longer - 1);
                square.Pixels.AsSpan(3 * from, 3).CopyTo(pixels.AsSpan(3 * i));
            }
            ImageBuffer whole = PillowResize.Resize(new ImageBuffer(framed, framed, 3, pixels), resizeTo, resizeTo, ResampleFilter.Bicubic)
                .Crop(offset, offset, cropTo, cropTo);
            PreprocessingFixture.AssertSame(whole, FramedSquare.ResizeAndCrop(image, frame, resizeTo, offset, cropTo, ResampleFilter.Bicubic),
                $"round {round}");
        }
    }

    [Theory]
    [InlineData(4000, 17, true)]
    [InlineData(4001, 17, true)]
    [InlineData(300, 40, false)]
    [InlineData(1, 40, false)]
    [InlineData(7, 40, false)]
    public void Many_rows_in_one_step_have_the_plain_sums(int inputs, int outputs, bool fitsShort)
    {
        const int Stride = 101;
        var random = new Random(inputs);
        foreach (ResampleFilter filter in new[] { ResampleFilter.Bilinear, ResampleFilter.Bicubic, ResampleFilter.Lanczos })
        {
            ResampleKernel kernel = ResampleKernel.Create(inputs, outputs, filter);
            Assert.Equal(fitsShort, kernel.FitsShort);
            // Black and white at random: the sums leave 0 to 255 on both sides.
            byte[] rows = new byte[inputs * Stride], made = new byte[outputs * Stride];
            for (int i = 0; i < rows.Length; i++)
                rows[i] = (byte)(random.Next(2) == 0 ? 255 * random.Next(2) : random.Next(256));
            ResamplePass.Vertical(rows, 0, Stride, kernel, outputs, made);
            for (int i = 0; i < made.Length; i++)
            {
                int sum = 1 << (ResampleKernel.PrecisionBits - 1), start = kernel.Start(i / Stride);
                ReadOnlySpan<int> weights = kernel.Weights(i / Stride);
                for (int k = 0; k < weights.Length; k++)
                    sum += rows[((start + k) * Stride) + (i % Stride)] * weights[k];
                Assert.Equal(Math.Clamp(sum >> ResampleKernel.PrecisionBits, 0, 255), made[i]);
            }
        }
    }

    [Theory]
    [InlineData(1, 10_900)]
    [InlineData(10_900, 1)]
    [InlineData(1, 32_767)]
    [InlineData(32_767, 1)]
    public void A_long_line_is_preprocessed_in_little_memory(int width, int height)
    {
        ImageBuffer image = Random(new Random(1), width, height, 3);
        var view = new WholeImageView(new DinoPreprocessor());
        long before = GC.GetAllocatedBytesForCurrentThread();
        using Tensor pixels = Batch(view.Preprocess(image));
        Assert.Equal([1, 3, 224, 224], pixels.shape);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 100L << 20);
        if (Math.Max(width, height) < 30_000)
        {
            before = GC.GetAllocatedBytesForCurrentThread();
            ImageBuffer cut = new DinoPreprocessor(224, 224).ResizeAndCrop(image);
            Assert.Equal((224, 224), (cut.Width, cut.Height));
            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 10L << 20);
        }
    }

    [Fact]
    public void What_is_too_long_is_told_with_its_size()
    {
        var line = new ImageBuffer(FramedSquare.MaxSide + 1, 1, 3, new byte[3 * (FramedSquare.MaxSide + 1)]);
        Assert.Contains("65536 x 1", Assert.Throws<InvalidOperationException>(() => new WholeImageView(new DinoPreprocessor()).Preprocess(line)).Message);
        Assert.Contains("65536 x 1", Assert.Throws<InvalidOperationException>(() => new DinoPreprocessor().ResizeAndCrop(line)).Message);
    }

    [Fact]
    public void Colours_under_alpha_0_count_in_patch_quality_as_Pillow_s()
    {
        var random = new Random(3);
        ImageBuffer cutOut = Random(random, 20, 30, 4);
        for (int i = 3; i < cutOut.Pixels.Length; i += 8)
            cutOut.Pixels[i] = 0;
        foreach (IImagePreprocessor preprocessor in new IImagePreprocessor[] { new DinoPreprocessor(), new ClipPreprocessor() })
        {
            var view = new WholeImageView(preprocessor);
            using Tensor transparent = Batch(view.Preprocess(cutOut)), opaque = Batch(view.Preprocess(cutOut.ToRgb()));
            Assert.True(transparent.equal(opaque).all().item<bool>());
        }
    }

    private static Tensor Batch(EncoderInput input) => EncoderInput.Batch(new[] { input });

    private static ImageBuffer Random(Random random, int width, int height, int channels)
    {
        byte[] pixels = new byte[width * height * channels];
        random.NextBytes(pixels);
        return new ImageBuffer(width, height, channels, pixels);
    }
}
