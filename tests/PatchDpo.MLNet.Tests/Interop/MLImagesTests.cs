using Microsoft.ML.Data;
using PatchDpo.MLNet.Interop;
using PatchDpo.Torch.Images;

namespace PatchDpo.MLNet.Tests.Interop;

public class MLImagesTests
{
    [Fact]
    public void Opaque_pixels_survive_the_round_trip_exactly()
    {
        byte[] pixels = new byte[5 * 3 * 3];
        new Random(1).NextBytes(pixels);
        using MLImage image = MLImages.ToMLImage(new ImageBuffer(5, 3, 3, pixels));
        ImageBuffer back = MLImages.ToImageBuffer(image);
        Assert.Equal((5, 3, 3), (back.Width, back.Height, back.Channels));
        Assert.Equal(pixels, back.Pixels);
    }

    [Fact]
    public void Bgra_files_come_out_as_rgb()
    {
        using MLImage made = MLImages.ToMLImage(new ImageBuffer(2, 1, 3, [200, 100, 50, 1, 2, 3]));
        string path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName() + ".png");
        try
        {
            made.Save(path);
            using MLImage read = MLImage.CreateFromFile(path);
            Assert.Equal(MLPixelFormat.Bgra32, read.PixelFormat);
            Assert.Equal([200, 100, 50, 1, 2, 3], MLImages.ToImageBuffer(read).Pixels);
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void Alpha_is_not_premultiplied_in_our_images()
    {
        using MLImage made = MLImages.ToMLImage(new ImageBuffer(2, 1, 4, [200, 100, 50, 128, 9, 9, 9, 0]));
        Assert.Equal(100, made.Pixels[0]);
        ImageBuffer back = MLImages.ToImageBuffer(made);
        Assert.Equal(4, back.Channels);
        Assert.Equal([200, 100, 50, 128], back.Pixels[..4]);
        // As Pillow's convert("RGB") has them.
        Assert.Equal([9, 9, 9, 0], back.Pixels[4..]);
    }

    [Fact]
    public void An_image_of_ml_net_s_own_is_divided_by_its_alpha()
    {
        using MLImage theirs = MLImage.CreateFromPixels(2, 1, MLPixelFormat.Rgba32, [100, 50, 25, 128, 0, 0, 0, 0]);
        byte[] pixels = MLImages.ToImageBuffer(theirs).Pixels;
        Assert.All(pixels[..3].Zip(new byte[] { 200, 100, 50 }), p => Assert.InRange(p.First - p.Second, -1, 1));
        Assert.Equal([0, 0, 0, 0], pixels[4..]);
    }

    [Fact]
    public void A_disposed_image_is_not_read()
    {
        MLImage made = MLImages.ToMLImage(new ImageBuffer(1, 1, 4, [9, 9, 9, 0]));
        made.Dispose();
        Assert.ThrowsAny<Exception>(() => MLImages.ToImageBuffer(made));
    }

    [Fact]
    public void Grey_becomes_rgb()
    {
        using MLImage made = MLImages.ToMLImage(new ImageBuffer(1, 2, 1, [7, 250]));
        Assert.Equal([7, 7, 7, 250, 250, 250], MLImages.ToImageBuffer(made).Pixels);
    }
}
