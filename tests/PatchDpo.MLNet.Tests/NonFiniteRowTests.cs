using Microsoft.ML;
using Microsoft.ML.Data;
using PatchDpo.MLNet.Tests.Support;
using PatchDpo.Tests;
using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Images;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.MLNet.Tests;

/// <summary>A row that a model gives NaN for is named by its place in the data, also far behind the first batch.</summary>
public sealed class NonFiniteRowTests(TinyModels models) : IClassFixture<TinyModels>
{
    private readonly MLContext _ml = new(1);

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(16)]
    public void Scoring_names_the_row(int batch)
    {
        IDataView rows = PairRow.Rows(_ml, 6);
        using var encoder = new SpoilingEncoder();
        var options = new PatchQualityScoringEstimator.Options { BatchSize = batch };
        using PatchQualityScoringTransformer scoring = _ml.PatchDpo.ScorePatchQuality(ImageEncoder.FromInstance(encoder), options).Fit(rows);
        // Rows 0, 2 and 4 show one image twice, which is encoded once.
        encoder.SpoilsFromImage = 5;
        NonFiniteOutputException e = Assert.Throws<NonFiniteOutputException>(() => scoring.Transform(rows).GetColumn<float>("PatchQualityScore").ToArray());
        Assert.Equal($"row {e.Index}", e.Item);
        Assert.InRange(e.Index, 3, 5);
        Assert.Contains(nameof(SpoilingEncoder), e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Embedding_names_the_row()
    {
        IDataView rows = PairRow.Rows(_ml, 6);
        using var encoder = new SpoilingEncoder();
        using ImageEmbeddingTransformer embedding = _ml.PatchDpo.EmbedImages("Features", ImageEncoder.FromInstance(encoder), "Generated").Fit(rows);
        encoder.SpoilsFromImage = 5;
        Assert.Equal("row 4", Assert.Throws<NonFiniteOutputException>(() => embedding.Transform(rows).GetColumn<float[]>("Features").ToArray()).Item);
    }

    [Fact]
    public void Generation_names_the_row_and_the_file()
    {
        string folder = Path.Combine(models.Root, "damaged");
        TinyPersonalizedModel.Write(folder);
        string file = Path.Combine(folder, "vae", "diffusion_pytorch_model.safetensors");
        DamagedFile.Fill(file, "decoder.conv_out.bias", float.NaN);
        IDataView rows = PairRow.Rows(_ml, 3);
        var options = new PersonalizedImageEstimator.Options { OutputColumnName = "Drawn", Generation = new() { Steps = 1 } };
        using Torch.Personalization.PersonalizedModel model = _ml.PatchDpo.LoadPersonalizedModel(folder);
        NonFiniteOutputException e = Assert.Throws<NonFiniteOutputException>(
            () => _ml.PatchDpo.GeneratePersonalizedImages(model, options).Fit(rows).Transform(rows).GetColumn<MLImage>("Drawn").ToArray());
        Assert.Equal(("row 0", file), (e.Item, e.WeightsPath));
    }

    /// <summary>Gives NaN from one of the pictures that it encodes on; those before it stay sound, however often they are encoded.</summary>
    private sealed class SpoilingEncoder : IVisionEncoder
    {
        private readonly PoolingEncoder _encoder = new();
        private readonly Dictionary<float, int> _places = [];
        private int _images;

        public int SpoilsFromImage
        {
            get;
            set
            {
                (field, _images) = (value, 0);
                _places.Clear();
            }
        } = int.MaxValue;

        public IImagePreprocessor Preprocessor => _encoder.Preprocessor;

        public Device Device => CPU;

        public VisionFeatures Encode(Tensor pixels)
        {
            VisionFeatures features = _encoder.Encode(pixels);
            for (int i = 0; i < pixels.shape[0]; i++)
            {
                // Two rows may show one picture: each showing of it is counted as long as all is sound.
                _images++;
                float picture = pixels[i].sum().item<float>();
                if (!_places.TryGetValue(picture, out int place))
                    _places.Add(picture, place = _images);
                if (place < SpoilsFromImage)
                    continue;
                using Scalar nan = float.NaN.ToScalar();
                features.Patches[i].fill_(nan);
                features.Global[i].fill_(nan);
            }
            return features;
        }

        public void Dispose() => _encoder.Dispose();
    }
}
