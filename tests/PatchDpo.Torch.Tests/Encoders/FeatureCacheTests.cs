using PatchDpo.Tests;
using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.PatchQuality;
using PatchDpo.Torch.Tests.PatchEncoders;
using PatchDpo.Torch.Weights;
using PatchDpo.Torch.Weights.Safetensors;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Encoders;

/// <summary>Features on the disk: what an earlier run encoded is not encoded again, and no one's features are taken for another's.</summary>
public sealed class FeatureCacheTests : IDisposable
{
    private static readonly ImageBuffer[] Generated = [.. Enumerable.Range(0, 5).Select(i => TestImages.Blocks(i, 40, 36, 4))];
    private static readonly ImageBuffer[] References = [.. Enumerable.Range(0, 5).Select(i => TestImages.Blocks(50 + (i % 2), 33, 40, 4))];

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("DINO")]
    [InlineData("CLIP")]
    [InlineData("CIFAR ResNet")]
    public void A_later_run_encodes_nothing_and_gives_the_same_bits(string kind)
    {
        float[] first = Score(kind, out string[] written);
        Assert.Single(written);
        using ITrainableVisionEncoder encoder = Create(kind);
        using FeatureCache cache = Open();
        PatchQualityEstimator estimator = new(encoder, 2, cache);
        // Once the cache knows whose it is, the encoder is spoilt: whatever it encoded would be NaN, and an error.
        Spoil(encoder);
        Assert.Equal(first, Values(estimator.Score(Generated, References)));
        Assert.Throws<NonFiniteOutputException>(() => estimator.Score([TestImages.Blocks(77, 20, 20, 4)], [References[0]]));
    }

    [Fact]
    public void Only_what_is_new_is_encoded_and_written()
    {
        Score("DINO", out string[] before);
        using ITrainableVisionEncoder encoder = Create("DINO");
        using (FeatureCache cache = Open())
        {
            new PatchQualityEstimator(encoder, 2, cache).Score([.. Generated, TestImages.Blocks(77, 20, 20, 4)], [.. References, References[0]]);
            cache.Flush();
            string added = Assert.Single(Files().Except(before));
            using SafetensorsFile file = SafetensorsFile.Open(added);
            Assert.Single(file.Keys);
        }
        Assert.Equal(2, Files().Length);
    }

    [Fact]
    public void Encoders_with_other_weights_settings_or_types_have_folders_of_their_own()
    {
        List<string> prints = [];
        using (ITrainableVisionEncoder encoder = Create("DINO"))
        {
            prints.Add(EncoderFingerprint.Of(encoder));
            Assert.Equal(prints[0], EncoderFingerprint.Of(encoder));
            ((nn.Module)encoder).to(ScalarType.BFloat16);
            prints.Add(EncoderFingerprint.Of(encoder));
            Spoil(encoder);
            prints.Add(EncoderFingerprint.Of(encoder));
        }
        foreach (string kind in TinyEncoders.Kinds)
        {
            using ITrainableVisionEncoder encoder = Create(kind);
            prints.Add(EncoderFingerprint.Of(encoder));
        }
        // One of the kinds is the first again: the same encoder, made twice.
        Assert.Equal(prints.Count - 1, prints.Distinct().Count());
        Assert.All(prints, p => Assert.Equal(64, p.Length));
    }

    [Fact]
    public void A_head_counts()
    {
        using PatchHeadEncoder one = new(Create("DINO"), 4), other = new(Create("DINO"), 5);
        using ITrainableVisionEncoder bare = Create("DINO");
        Assert.Equal(3, new[] { one, (IVisionEncoder)other, bare }.Select(EncoderFingerprint.Of).Distinct().Count());
    }

    [Fact]
    public void A_damaged_file_and_one_of_another_encoder_are_told_by_name()
    {
        Score("DINO", out string[] files);
        string folder = Path.GetDirectoryName(files[0])!;
        using ITrainableVisionEncoder encoder = Create("DINO");

        string foreign = Path.Combine(folder, "foreign.safetensors");
        using (Tensor one = ones(1, 1, 1))
            SafetensorsWriter.Write(foreign, new Dictionary<string, Tensor> { [new string('0', 32)] = one });
        Assert.Contains("foreign.safetensors", Fault().Message, StringComparison.Ordinal);
        using (Tensor one = ones(1, 1, 1))
        {
            SafetensorsWriter.Write(foreign, new Dictionary<string, Tensor> { [new string('0', 32)] = one }, new Dictionary<string, string>
            {
                ["format"] = "1", ["kind"] = "patch features", ["encoder"] = "another",
            });
        }
        Assert.Contains("another encoder", Fault().Message, StringComparison.Ordinal);
        File.Delete(foreign);

        File.WriteAllBytes(files[0], File.ReadAllBytes(files[0])[..100]);
        Assert.Contains(files[0], Fault().Message, StringComparison.Ordinal);

        WeightsFormatException Fault() => Assert.ThrowsAny<WeightsFormatException>(() =>
        {
            using FeatureCache cache = Open();
            return new PatchQualityEstimator(encoder, 2, cache);
        });
    }

    [Fact]
    public void What_a_killed_writer_leaves_is_no_fault()
    {
        Score("DINO", out string[] files);
        File.WriteAllText(files[0] + ".abc.tmp", "half");
        Score("DINO", out string[] again);
        Assert.Equal(files, again);
    }

    [Fact]
    public void A_cache_is_one_encoders_and_a_folder_only_for_encoders_that_can_be_told_apart()
    {
        using PixelEncoder encoder = new(32, 8), other = new(32, 8);
        using FeatureCache shared = new();
        _ = new PatchQualityEstimator(encoder, 2, shared);
        Assert.Throws<ArgumentException>(() => new PatchQualityEstimator(other, 2, shared));
        using FeatureCache stored = Open();
        Assert.Contains(nameof(PixelEncoder), Assert.Throws<ArgumentException>(() => new PatchQualityEstimator(encoder, 2, stored)).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Options_are_checked()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new FeatureCacheOptions { MaxBytes = -1 });
        Assert.Throws<ArgumentException>(() => new FeatureCacheOptions { Folder = "" });
    }

    private FeatureCache Open() => new(new FeatureCacheOptions { Folder = _folder.File("features") });

    private string[] Files() => Directory.GetFiles(_folder.File("features"), "*.safetensors", SearchOption.AllDirectories);

    private float[] Score(string kind, out string[] written)
    {
        using ITrainableVisionEncoder encoder = Create(kind);
        float[] values;
        using (FeatureCache cache = Open())
            values = Values(new PatchQualityEstimator(encoder, 2, cache).Score(Generated, References));
        written = Files();
        return values;
    }

    private static float[] Values(IReadOnlyList<PatchQualityResult> results)
        => [.. results.SelectMany(r => r.Generated.Values.Concat(r.Reference.Values).Append(r.Score))];

    /// <summary>An encoder whose weights are the same ones each time.</summary>
    private static ITrainableVisionEncoder Create(string kind)
    {
        ITrainableVisionEncoder encoder = TinyEncoders.Create(kind);
        using IDisposable noGrad = no_grad();
        using Scalar tenth = 0.1.ToScalar();
        foreach (Parameter parameter in ((nn.Module)encoder).parameters().Where(p => p.dim() == 1))
            parameter.fill_(tenth);
        return encoder;
    }

    private static void Spoil(ITrainableVisionEncoder encoder)
    {
        using IDisposable noGrad = no_grad();
        using Scalar nan = double.NaN.ToScalar();
        foreach (Parameter parameter in ((nn.Module)encoder).parameters())
            parameter.fill_(nan);
    }
}
