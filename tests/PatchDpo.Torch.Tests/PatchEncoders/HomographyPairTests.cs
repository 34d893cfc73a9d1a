using PatchDpo.Tests;
using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.PatchEncoders;
using PatchDpo.Torch.PatchQuality;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.PatchEncoders;

public sealed class HomographyPairTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_sequence_is_read_with_its_homographies_in_unit_coordinates()
    {
        Photo(1, 80, 40);
        Photo(2, 80, 40);
        Photo(3, 160, 80);
        File.WriteAllText(_folder.File("H_1_2"), "1 0 16\n0 1 0\n0 0 1\n");
        File.WriteAllText(_folder.File("H_1_3"), "2 0 0.5 0 2 0.5 0 0 1");
        IReadOnlyList<HomographyPair> pairs = HomographyPair.FromHPatches(_folder.File(""), 32);
        Assert.Equal([32, 32], pairs.Select(p => p.Second.Width));
        Assert.Same(pairs[0].First, pairs[1].First);
        (double x, double y) = pairs[0].Map.Map(0.5, 0.5);
        Assert.Equal((0.7, 0.5), (Math.Round(x, 9), Math.Round(y, 9)));
        (x, y) = pairs[1].Map.Map(0.25, 0.75);
        Assert.Equal((0.25, 0.75), (Math.Round(x, 9), Math.Round(y, 9)));
    }

    [Fact]
    public void Faulty_sequences_name_the_file()
    {
        Assert.Contains("photo '1.*'", Assert.Throws<FileNotFoundException>(() => HomographyPair.FromHPatches(_folder.File(""))).Message,
            StringComparison.Ordinal);
        Photo(1, 8, 8);
        Assert.Contains("H_1_2", Assert.Throws<FileNotFoundException>(() => HomographyPair.FromHPatches(_folder.File(""))).Message, StringComparison.Ordinal);
        Photo(2, 8, 8);
        foreach (string bad in new[] { "1 0 0 0 1 0 0 0", "1 0 0 0 1 0 0 0 x", "0 0 0 0 0 0 0 0 0" })
        {
            File.WriteAllText(_folder.File("H_1_2"), bad);
            Assert.Contains("H_1_2", Assert.Throws<FormatException>(() => HomographyPair.FromHPatches(_folder.File(""))).Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Synthetic_pairs_show_the_same_point_where_the_map_says_and_the_seed_decides()
    {
        ImageBuffer[] photos = [TestImages.Create(200, 100, (x, y) => (x, 2 * y, 50))];
        HomographyPair[] pairs = [.. HomographyPair.Synthetic(photos, viewsPerPhoto: 3, side: 100, seed: 5)];
        Assert.Equal(3, pairs.Length);
        foreach (HomographyPair pair in pairs)
        {
            (double x, double y) = pair.Map.Inverse().Map(0.505, 0.505);
            Assert.Equal(x * 200, pair.Second.Pixels[((50 * 100) + 50) * 3], 3.0);
            Assert.Equal(y * 200, pair.Second.Pixels[(((50 * 100) + 50) * 3) + 1], 3.0);
        }
        Assert.Equal(pairs[2].Second.Pixels, HomographyPair.Synthetic(photos, 3, 100, 5).Last().Second.Pixels);
        Assert.NotEqual(pairs[2].Second.Pixels, HomographyPair.Synthetic(photos, 3, 100, 6).Last().Second.Pixels);
    }

    [Fact]
    public void An_encoder_is_measured_on_pairs_and_a_photo_that_stays_is_encoded_once()
    {
        using DisposeScope scope = NewDisposeScope();
        using PixelEncoder encoder = new(32, 8);
        ImageBuffer photo = TestImages.Blocks(1, 32, 32, 4), other = TestImages.Blocks(2, 32, 32, 4);
        Homography away = new([1, 0, 5, 0, 1, 0, 0, 0, 1]);
        PatchMatchingMetrics metrics = PatchMatchingAccuracy.Measure(encoder,
            [new(photo, photo, Homography.Identity), new(photo, other, away), new(photo, other, Homography.Identity)]);
        Assert.Equal(4, encoder.Encoded);
        Assert.Equal((1.0, 32), (metrics.PerPair[0], metrics.Patches));
        Assert.True(double.IsNaN(metrics.PerPair[1]));
        Assert.Equal((1 + metrics.PerPair[2]) / 2, metrics.Accuracy);
        Assert.True(metrics.PerPair[2] < 1);
        Assert.Throws<EmptyDataException>(() => PatchMatchingAccuracy.Measure(encoder, []));
        Assert.Throws<EmptyDataException>(() => PatchMatchingAccuracy.Measure(encoder, [new(photo, other, away)]));
    }

    [Fact]
    public void A_photo_seen_obliquely_is_matched_by_tilted_views_which_are_encoded_once()
    {
        using DisposeScope scope = NewDisposeScope();
        using PixelEncoder encoder = new(64, 8);
        ImageBuffer photo = TestImages.Create(64, 64, (x, y) => (x * 4, y * 4, x * y % 251));
        ImageBuffer narrow = PillowResize.Resize(photo, 32, 64, ResampleFilter.Bicubic);
        ImageBuffer oblique = TestImages.Create(64, 64, (x, y) => x < 32 ? TestImages.Pixel(narrow, x, y) : (128, 128, 128));
        HomographyPair[] pairs = [new(photo, oblique, new Homography([0.5, 0, 0, 0, 1, 0, 0, 0, 1])), new(photo, photo, Homography.Identity)];
        PatchMatchingMetrics plain = PatchMatchingAccuracy.Measure(encoder, pairs, tolerance: 0.5);
        Assert.Equal(1, plain.PerPair[1]);
        int encoded = encoder.Encoded;
        PatchMatchingMetrics viewed = PatchMatchingAccuracy.Measure(encoder, pairs, tolerance: 0.5, new ReferenceViews { Tilts = [2] });
        Assert.Equal(encoded + 3 + 2, encoder.Encoded);
        Assert.Equal(1, viewed.PerPair[1]);
        Assert.True(viewed.PerPair[0] > plain.PerPair[0] + 0.2, $"{plain.PerPair[0]:F2}, {viewed.PerPair[0]:F2}");
    }

    [SkippableFact]
    public void The_published_ResNet_20_matches_real_photos_as_often_as_by_hand()
    {
        string folder = Fixtures.SharedOrSkip("real", "hpatches", "v_wormhole"), weights = Fixtures.SharedOrSkip("real", "weights", "resnet20-cifar10.th");
        using DisposeScope scope = NewDisposeScope();
        using IVisionEncoder encoder = PatchEncoder.FromFile(weights, options: new VisionEncoderOptions { PatchStages = [2], PatchSize = 16, ImageSize = 512 });
        Assert.Equal(0.2604, PatchMatchingAccuracy.Measure(encoder, HomographyPair.FromHPatches(folder)).Accuracy, 0.002);
    }

    private void Photo(int number, int width, int height) => ImageFile.SavePng(_folder.File($"{number}.png"), TestImages.Blocks(number, width, height, 4));
}
