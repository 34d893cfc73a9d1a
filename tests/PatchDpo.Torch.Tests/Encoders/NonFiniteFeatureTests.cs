using PatchDpo.Tests;
using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Evaluation;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.PatchQuality;
using PatchDpo.Torch.Tests.PatchEncoders;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Encoders;

/// <summary>Features that are NaN, infinite or overflow a cosine are an error that names encoder and image, never a score.</summary>
public sealed class NonFiniteFeatureTests : IDisposable
{
    private static readonly ImageBuffer Image = TestImages.Blocks(1, 32, 32, 4), Bad = TestImages.Blocks(2, 32, 32, 4);

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    [InlineData(float.NegativeInfinity)]
    [InlineData(3e38f)]
    [InlineData(-1e20f)]
    public void Scoring_names_the_pair_and_the_side(float value)
    {
        using PixelEncoder encoder = Spoiling(value);
        PatchQualityEstimator estimator = new(encoder, batchSize: 2);
        NonFiniteOutputException e = Assert.Throws<NonFiniteOutputException>(() => estimator.Score([Image, Image, Bad], [Image, Image, Image]));
        Assert.Equal(("the generated image of pair 2", 2), (e.Item, e.Index));
        Assert.Contains(nameof(PixelEncoder), e.Message, StringComparison.Ordinal);
        e = Assert.Throws<NonFiniteOutputException>(() => estimator.Score([Image, Image], [Image, Bad]));
        Assert.Equal("the reference of pair 1", e.Item);
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(3e38f)]
    public void Evaluation_names_the_row_and_what_of_it(float value)
    {
        using PixelEncoder encoder = Spoiling(value);
        EvaluationRow Row(ImageBuffer generated, ImageBuffer reference) => new("dog", "red", generated, [reference]);
        EvaluationRow[] generated = [Row(Image, Image), Row(Image, Image), Row(Bad, Image)], reference = [Row(Image, Image), Row(Image, Bad)];
        PersonalizationEvaluatorOptions options = new() { BatchSize = 2 };
        foreach (PersonalizationEvaluator evaluator in new PersonalizationEvaluator[] { new(encoder, null, null, options: options),
            new(null, new ImageClip(encoder), null, options: options), new(null, null, new PatchQualityEstimator(encoder), options: options) })
        {
            NonFiniteOutputException e = Assert.Throws<NonFiniteOutputException>(() => evaluator.Evaluate(generated));
            Assert.Equal(2, e.Index);
            Assert.Contains("row 2 (subject 'dog')", e.Item, StringComparison.Ordinal);
            Assert.Contains("row 1 (subject 'dog')", Assert.Throws<NonFiniteOutputException>(() => evaluator.Evaluate(reference)).Item,
                StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_text_embedding_names_its_row()
    {
        using PixelEncoder encoder = Spoiling(0);
        NonFiniteOutputException e = Assert.Throws<NonFiniteOutputException>(
            () => new PersonalizationEvaluator(null, new ImageClip(encoder), null)
            .Evaluate([new("a", "red", Image, [Image]), new("a", "NaN", Image, [Image])]));
        Assert.Equal("the prompt of row 1 (subject 'a')", e.Item);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Every_encoder_with_damaged_weights_is_named_with_its_file(string kind)
    {
        string file = Path.Combine(_folder.File("encoder"), "model.safetensors");
        using (ITrainableVisionEncoder encoder = TinyEncoders.Create(kind))
        {
            using IDisposable noGrad = no_grad();
            using Scalar nan = float.NaN.ToScalar();
            encoder.PatchParameters[0][0].fill_(nan);
            PatchEncoder.Save(encoder, _folder.File("encoder"));
        }
        using IVisionEncoder damaged = PatchEncoder.FromFolder(_folder.File("encoder"));
        NonFiniteOutputException e = Assert.Throws<NonFiniteOutputException>(() => new PatchQualityEstimator(damaged).Score([Image], [Image]));
        Assert.Equal(file, e.WeightsPath);
        Assert.Contains(damaged.GetType().Name, e.Part, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void With_a_head_the_file_is_the_heads_or_the_encoders(bool head)
    {
        string folder = _folder.File("encoder");
        using (PatchHeadEncoder encoder = new(TinyEncoders.Create("DINO"), 5))
            PatchEncoder.Save(encoder, folder);
        string damaged = Path.Combine(folder, head ? PatchHeadEncoder.FileName : "model.safetensors");
        DamagedFile.Fill(damaged, head ? "bias" : "norm.weight", float.NaN);
        using IVisionEncoder opened = PatchEncoder.FromFolder(folder);
        Assert.Equal(damaged, Assert.Throws<NonFiniteOutputException>(() => new PatchQualityEstimator(opened).Score([Image], [Image])).WeightsPath);
    }

    public static TheoryData<string> Kinds => new(TinyEncoders.Kinds.Where(k => k != "ALIKE"));

    /// <summary>Gives a number in one feature of one image.</summary>
    private static PixelEncoder Spoiling(float value) => new(32, 8, image =>
    {
        Tensor pixels = ones(3, 32, 32);
        if (ReferenceEquals(image.Pixels, Bad.Pixels) || image.Pixels.SequenceEqual(Bad.Pixels))
            pixels[0, 0, 0] = value;
        return pixels;
    });

    private sealed class ImageClip(PixelEncoder pixels) : IImageTextEncoder
    {
        public IImagePreprocessor Preprocessor => pixels;

        public Device Device => CPU;

        public Tensor EncodeImages(Tensor input) => input.flatten(1).narrow(1, 0, 3).clone();

        public Tensor EncodeTexts(IReadOnlyList<string> texts) => tensor(
            texts.SelectMany(t => new[] { t == "NaN" ? float.NaN : 1, 0, 0 }).ToArray(), [texts.Count, 3]);
    }
}
