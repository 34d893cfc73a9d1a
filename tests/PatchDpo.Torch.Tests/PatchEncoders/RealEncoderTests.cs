using PatchDpo.Torch.Encoders;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.PatchEncoders;

/// <summary>Published weights on real photos: how often a patch finds its counterpart under a known homography.</summary>
public sealed class RealEncoderTests
{
    // First the same measurement made with PyTorch 1.13.1 and Pillow, then one made elsewhere, which counts right matches a little differently.
    [SkippableTheory]
    [InlineData("alike-t.pth", 2, 0.2019, null)]
    [InlineData("alike-t.pth", 3, 0.5094, null)]
    [InlineData("alike-t.pth", 5, 0.7819, 0.785)]
    [InlineData("resnet20-cifar10.th", 1, 0.2238, null)]
    [InlineData("resnet20-cifar10.th", 2, 0.2604, 0.269)]
    [InlineData("resnet20-cifar10.th", 3, 0.2161, null)]
    public void Patches_match_as_often_as_measured_with_PyTorch(string weights, int stage, double expected, double? elsewhere)
    {
        double accuracy = Accuracy(weights, stage);
        Assert.Equal(expected, accuracy, 0.002);
        Assert.Equal(elsewhere ?? accuracy, accuracy, 0.01);
    }

    private static double Accuracy(string weights, int stage)
    {
        string path = Fixtures.SharedOrSkip("real", "weights", weights);
        PhotoSequence photos = PhotoSequence.OpenOrSkip();
        using DisposeScope scope = NewDisposeScope();
        using IVisionEncoder encoder = PatchEncoder.FromFile(path, options: new VisionEncoderOptions { PatchStages = [stage], PatchSize = 16, ImageSize = 512 });
        return photos.Accuracy(photo => encoder.Encode(encoder.Preprocessor.Preprocess(photo).unsqueeze(0)).Patches[0]);
    }
}
