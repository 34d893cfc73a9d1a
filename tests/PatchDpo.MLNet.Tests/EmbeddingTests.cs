using Microsoft.ML;
using Microsoft.ML.Data;
using PatchDpo.MLNet.Tests.Support;
using PatchDpo.Tests;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.Weights;
using TorchSharp;

namespace PatchDpo.MLNet.Tests;

public sealed class EmbeddingTests(TinyModels models) : IClassFixture<TinyModels>
{
    private readonly MLContext _ml = new(1);

    [Fact]
    public void Image_embedding_passes_what_MLNET_checks_of_its_own()
        => EstimatorCheck.Run(_ml, _ml.PatchDpo.EmbedImages("Embedding", ImageEncoder.FromFolder(models.Dino), "Image", batchSize: 3),
            TestImages.Rows(_ml, 5), TestImages.WithoutImages(_ml), TestImages.WrongTypes(_ml));

    [Fact]
    public void Text_embedding_passes_what_MLNET_checks_of_its_own()
        => EstimatorCheck.Run(_ml, _ml.PatchDpo.EmbedText("Embedding", TextEncoder.FromFolder(models.Text), "Prompt", batchSize: 3),
            TestImages.Rows(_ml, 5), TestImages.WrongTypes(_ml));

    [Fact]
    public void The_schema_tells_the_length_of_an_embedding()
    {
        IDataView rows = TestImages.Rows(_ml, 2);
        Assert.Equal(24, Fit(_ml.PatchDpo.EmbedImages("E", ImageEncoder.FromFolder(models.Dino), "Image"), rows, out IDataView dino).Dimension);
        Assert.Equal(10, Fit(_ml.PatchDpo.EmbedImages("E", ImageEncoder.FromFolder(models.Clip), "Image"), rows, out IDataView clip).Dimension);
        Assert.Equal(24, ((VectorDataViewType)dino.Schema["E"].Type).Size);
        Assert.Equal(10, clip.GetColumn<float[]>("E").First().Length);
        Assert.Equal(10, _ml.PatchDpo.EmbedText("E", TextEncoder.FromFolder(models.Text), "Prompt").Fit(rows).Dimension);
    }

    [Fact]
    public void Texts_that_differ_are_embedded_differently()
    {
        IDataView rows = TestImages.Rows(_ml, 3);
        float[][] embeddings = _ml.PatchDpo.EmbedText("E", TextEncoder.FromFolder(models.Text), "Prompt").Fit(rows).Transform(rows).GetColumn<float[]>("E")
            .ToArray();
        Assert.NotEqual(embeddings[0], embeddings[1]);
    }

    [Fact]
    public void A_folder_without_weights_or_of_an_unknown_kind_is_named()
    {
        string folder = Directory.CreateDirectory(Path.Combine(models.Root, "no-weights")).FullName;
        IDataView rows = TestImages.Rows(_ml, 1);
        ModelFileNotFoundException missing = Assert.Throws<ModelFileNotFoundException>(
            () => _ml.PatchDpo.EmbedImages("E", ImageEncoder.FromFolder(folder), "Image").Fit(rows));
        Assert.Equal(folder, missing.Folder);
        File.Copy(Path.Combine(models.Dino, "config.json"), Path.Combine(folder, "config.json"));
        Assert.Throws<ModelFileNotFoundException>(() => _ml.PatchDpo.EmbedImages("E", ImageEncoder.FromFolder(folder), "Image").Fit(rows));
        File.WriteAllText(Path.Combine(folder, "config.json"), """{ "model_type": "llama" }""");
        ModelConfigException unknown = Assert.Throws<ModelConfigException>(
            () => _ml.PatchDpo.EmbedImages("E", ImageEncoder.FromFolder(folder), "Image").Fit(rows));
        Assert.Contains("llama", unknown.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Embedding_leaves_no_tensors_behind()
    {
        IDataView rows = TestImages.Rows(_ml, 3);
        using ImageEmbeddingTransformer transformer = Fit(_ml.PatchDpo.EmbedImages("E", ImageEncoder.FromFolder(models.Dino), "Image"), rows,
            out IDataView view);
        long before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        Assert.Equal(3, view.GetColumn<float[]>("E").Count());
        Assert.Equal(before, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
    }

    [Fact]
    public void A_GPU_that_is_absent_is_an_error_unless_falling_back_is_allowed()
    {
        IDataView rows = TestImages.Rows(_ml, 1);
        var strict = new MLContext(1) { GpuDeviceId = 99, FallbackToCpu = false };
        Assert.Throws<InvalidOperationException>(() => strict.PatchDpo.EmbedImages("E", ImageEncoder.FromFolder(models.Dino), "Image").Fit(rows));
        var lenient = new MLContext(1) { GpuDeviceId = 99, FallbackToCpu = true };
        Assert.Equal(24, lenient.PatchDpo.EmbedImages("E", ImageEncoder.FromFolder(models.Dino), "Image").Fit(rows).Dimension);
    }

    private static T Fit<T>(IEstimator<T> estimator, IDataView rows, out IDataView view) where T : class, ITransformer
    {
        T transformer = estimator.Fit(rows);
        view = transformer.Transform(rows);
        return transformer;
    }
}
