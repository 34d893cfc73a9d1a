using PatchDpo.Torch.Images;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Images;

public sealed class ClassificationPreprocessorTests
{
    [Theory]
    [InlineData(90, 61)]
    [InlineData(40, 75)]
    public void Images_are_resized_and_cropped_bilinear_as_the_fixtures_training_images_and_normalised_as_ImageNets(int width, int height)
    {
        ImageBuffer image = TestImages.Blocks(3, width, height, 5);
        using Tensor actual = new ClassificationPreprocessor(40, 33).Preprocess(image);
        using Tensor expected = new DiffusionPreprocessor(40, 33, PixelNormalization.ImageNet).Preprocess(image);
        Fixtures.AssertClose(actual, expected, 0, "pixels");
    }

    [Fact]
    public void The_defaults_are_torchvisions_and_other_sizes_keep_their_ratio()
    {
        Assert.Equal((256, 224), (new ClassificationPreprocessor().ResizeTo, new ClassificationPreprocessor().CropTo));
        Assert.Equal((512, 448), (ClassificationPreprocessor.ForSize(448).ResizeTo, ClassificationPreprocessor.ForSize(448).CropTo));
        Assert.Equal((256, 224), (ClassificationPreprocessor.ForSize(null).ResizeTo, ClassificationPreprocessor.ForSize(null).CropTo));
    }
}
