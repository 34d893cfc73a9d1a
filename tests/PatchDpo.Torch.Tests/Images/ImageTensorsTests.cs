using PatchDpo.Torch.Images;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Images;

public class ImageTensorsTests
{
    [Fact]
    public void Images_survive_the_way_to_minus_one_to_one_and_back()
    {
        var image = new ImageBuffer(16, 16, 3, [.. Enumerable.Range(0, 768).Select(i => (byte)i)]);
        using Tensor tensor = ImageTensors.FromImage(image, PixelNormalization.MinusOneToOne);
        using Tensor batch = tensor.unsqueeze(0);
        Assert.Equal(new long[] { 1, 3, 16, 16 }, batch.shape);
        PreprocessingFixture.AssertSame(image, ImageTensors.ToImages(batch).Single(), "round trip");
    }

    [Fact]
    public void Values_outside_the_range_are_clamped_and_halves_round_to_even()
    {
        // 0 is 127.5 of 255, -0.4 is 76.5.
        using Tensor batch = tensor(new[] { -3f, 3f, 0, -0.4f }).reshape(1, 1, 2, 2).repeat(1, 3, 1, 1);
        Assert.Equal(new byte[] { 0, 255, 128, 76 }, ImageTensors.ToImages(batch).Single().Pixels.Where((_, i) => i % 3 == 0));
    }

    [Fact]
    public void Grey_and_rgba_are_normalised_as_rgb()
    {
        using Tensor grey = ImageTensors.FromImage(new ImageBuffer(1, 1, 1, [51]), PixelNormalization.MinusOneToOne);
        Assert.Equal([-0.6f, -0.6f, -0.6f], grey.data<float>().ToArray());
        using Tensor rgba = ImageTensors.FromImage(new ImageBuffer(1, 1, 4, [255, 0, 51, 0]), PixelNormalization.MinusOneToOne);
        Assert.Equal([1f, -1f, -0.6f], rgba.data<float>().ToArray());
    }

    [Fact]
    public void A_batch_stacks_images_of_any_size_and_leaks_nothing()
    {
        long before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        using (Tensor batch = ImageTensors.Batch([new ImageBuffer(5, 9, 3, new byte[135]), new ImageBuffer(40, 20, 1, new byte[800])], new ClipPreprocessor(8)))
        {
            Assert.Equal(new long[] { 2, 3, 8, 8 }, batch.shape);
            ImageTensors.ToImages(batch);
        }

        Assert.Equal(before, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
        Assert.Throws<ArgumentException>(() => ImageTensors.Batch([], new ClipPreprocessor()));
    }

    [Fact]
    public void Another_shape_is_refused()
    {
        using Tensor grey = zeros(1, 1, 4, 4);
        Assert.Contains("(1,1,4,4)", Assert.Throws<ArgumentException>(() => ImageTensors.ToImages(grey)).Message);
    }

    [Fact]
    public void Normalization_constants_are_checked()
    {
        Assert.Throws<ArgumentException>(() => new PixelNormalization([0.5, 0.5], [1, 1, 1]));
        Assert.Throws<ArgumentException>(() => new PixelNormalization([0, 0, 0], [1, 0, 1]));
        Assert.Throws<ArgumentException>(() => new PixelNormalization([double.NaN, 0, 0], [1, 1, 1]));
    }
}
