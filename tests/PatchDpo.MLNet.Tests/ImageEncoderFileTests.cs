using System.Text;
using Microsoft.ML;
using Microsoft.ML.Data;
using PatchDpo.MLNet.Tests.Support;
using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Evaluation;
using PatchDpo.Torch.Vision.Cnn;
using PatchDpo.Torch.Weights;
using PatchDpo.Torch.Weights.Safetensors;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.MLNet.Tests;

/// <summary>An encoder in a lone file: CIFAR's ResNet, whose patches and image size are options.</summary>
public sealed class ImageEncoderFileTests : IDisposable
{
    private static readonly VisionEncoderOptions Options = new() { PatchStages = [2], PatchSize = 8, ImageSize = 48 };

    private readonly MLContext _ml = new(1);
    private readonly string _folder = Directory.CreateTempSubdirectory("patchdpo-encoder-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Two_images_are_scored_and_the_scores_survive_saving()
    {
        string path = WriteCifarResNet(seed: 1);
        IDataView pairs = PairRow.Rows(_ml, 2);
        using PatchQualityScoringTransformer scorer = _ml.PatchDpo.ScorePatchQuality("Generated", "Reference", ImageEncoder.FromFile(path, Options)).Fit(pairs);
        Assert.Equal((6, 6), (scorer.MapHeight, scorer.MapWidth));
        float[] scores = scorer.Transform(pairs).GetColumn<float>("PatchQualityScore").ToArray();
        Assert.Equal(1, scores[0], 1e-4f);
        Assert.InRange(scores[1], -1, 0.9999f);

        using var stream = new MemoryStream();
        _ml.Model.Save(scorer, pairs.Schema, stream);
        stream.Position = 0;
        using var loaded = (PatchQualityScoringTransformer)_ml.Model.Load(stream, out _);
        Assert.Equal((6, 6), (loaded.MapHeight, loaded.MapWidth));
        Assert.Equal(scores, loaded.Transform(pairs).GetColumn<float>("PatchQualityScore"));
    }

    [Theory]
    [InlineData(2, 8, 0, false, 8, 8)]
    [InlineData(3, 2, 48, true, 7 * 4, 4)]
    [InlineData(0, 0, 48, true, 7 * 4, 4)]
    [InlineData(0, 0, 0, false, 16, 4)]
    public void An_encoder_of_an_earlier_version_is_used_as_it_was(int stage, int patch, int image, bool earlier, int channels, int patchSize)
    {
        string path = WriteCifarResNet(seed: 1);
        using var stream = new MemoryStream();
        using (var writer = new BinaryWriter(stream, Encoding.UTF8, leaveOpen: true))
        {
            // One stage, and whether all before it joined; a coarser stage decided the grid.
            writer.Write(false);
            new ModelLocation(path).Write(writer);
            writer.Write(true);
            writer.Write(stage);
            writer.Write(patch);
            writer.Write(image);
            writer.Write(earlier);
        }
        for (int time = 0; time < 2; time++)
        {
            stream.Position = 0;
            using var reader = new BinaryReader(stream, Encoding.UTF8, leaveOpen: true);
            ImageEncoder encoder = ImageEncoder.Read(reader);
            using OpenedEncoder opened = encoder.Open(CPU);
            using DisposeScope scope = NewDisposeScope();
            int side = image == 0 ? 32 : image;
            Assert.Equal([1, side / patchSize, side / patchSize, channels], opened.Encoder.Encode(zeros(1, 3, side, side)).Patches.shape);
            // And once more as this version writes it.
            stream.SetLength(0);
            using var again = new BinaryWriter(stream, Encoding.UTF8, leaveOpen: true);
            encoder.Write(again);
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void ImageNets_ResNet_18_is_saved_by_name_with_its_use(bool trained)
    {
        IDataView pairs = PairRow.Rows(_ml, 1);
        var options = new VisionEncoderOptions { PatchStages = [2, 3], ImageSize = 64 };
        ImageEncoder encoder = trained ? ImageEncoder.TrainedResNet18(options) : ImageEncoder.ResNet18(options);
        using PatchQualityScoringTransformer scorer = _ml.PatchDpo.ScorePatchQuality("Generated", "Reference", encoder).Fit(pairs);
        string saved = Path.Combine(_folder, "saved.zip");
        _ml.Model.Save(scorer, pairs.Schema, saved);
        Assert.True(new FileInfo(saved).Length < 100_000);
        using var loaded = (PatchQualityScoringTransformer)_ml.PatchDpo.LoadModel(saved, out _);
        Assert.Equal((4, 4), (loaded.MapHeight, loaded.MapWidth));
        Assert.Equal(scorer.Transform(pairs).GetColumn<float>("PatchQualityScore"), loaded.Transform(pairs).GetColumn<float>("PatchQualityScore"));
    }

    [Fact]
    public void A_saved_model_knows_its_file_by_its_content()
    {
        string path = WriteCifarResNet(seed: 1), moved = Path.Combine(_folder, "moved.th"), saved = Path.Combine(_folder, "saved.zip");
        IDataView rows = TestImages.Rows(_ml, 1);
        using (ImageEmbeddingTransformer embedding = _ml.PatchDpo.EmbedImages("E", ImageEncoder.FromFile(path), "Image").Fit(rows))
        {
            Assert.Equal(16, embedding.Dimension);
            _ml.Model.Save(embedding, rows.Schema, saved);
        }
        File.Move(path, moved);
        ModelReferenceException gone = Assert.Throws<ModelReferenceException>(() => _ml.PatchDpo.LoadModel(saved, out _));
        Assert.Equal(path, gone.Folder);
        PatchDpoComponents.RedirectModelFolder(path, moved);
        (_ml.PatchDpo.LoadModel(saved, out _) as IDisposable)!.Dispose();
        File.Move(WriteCifarResNet(seed: 2), moved, overwrite: true);
        Assert.Contains("SHA-256", Assert.Throws<ModelReferenceException>(() => _ml.PatchDpo.LoadModel(saved, out _)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_or_a_folder_with_it_serves_the_evaluation_and_is_named_in_its_result()
    {
        string path = WriteCifarResNet(seed: 1);
        var options = new EvaluationOptions { Dino = ImageEncoder.FromFolder(_folder), PatchQuality = ImageEncoder.FromFile(path, Options) };
        PersonalizationMetrics metrics = _ml.PatchDpo.Evaluate(PairRow.Rows(_ml, 4), options);
        Assert.InRange(metrics.PatchQuality!.Mean, -1, 1.001);
        Assert.Equal([Path.GetFileName(_folder), "resnet8.th"], metrics.Models.Select(m => m.Name));
        Assert.Equal(metrics.Models[0].Sha256, metrics.Models[1].Sha256);
    }

    [Fact]
    public void A_file_that_is_absent_or_no_encoder_is_named()
    {
        string path = Path.Combine(_folder, "none.pth");
        IDataView rows = TestImages.Rows(_ml, 1);
        Assert.Contains(path, Assert.Throws<FileNotFoundException>(() => _ml.PatchDpo.EmbedImages("E", ImageEncoder.FromFile(path), "Image").Fit(rows))
            .Message, StringComparison.Ordinal);
        using (NewDisposeScope())
            SafetensorsWriter.Write(path, new Dictionary<string, Tensor> { ["weight"] = ones(2) });
        Assert.Equal(path, Assert.Throws<UnknownModelException>(() => _ml.PatchDpo.EmbedImages("E", ImageEncoder.FromFile(path), "Image").Fit(rows)).Path);
    }

    private string WriteCifarResNet(long seed)
    {
        string path = Path.Combine(_folder, "resnet8.th");
        using DisposeScope scope = NewDisposeScope();
        random.manual_seed(seed);
        using var model = new CifarResNet(new CifarResNetConfig { Width = 4, BlocksPerStage = 1 });
        SafetensorsWriter.Write(path, model.state_dict().ToDictionary(t => "state_dict.module." + t.Key, t => t.Value));
        return path;
    }
}
