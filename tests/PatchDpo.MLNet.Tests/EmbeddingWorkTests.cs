using Microsoft.ML;
using Microsoft.ML.Data;
using PatchDpo.MLNet.Tests.Support;
using PatchDpo.Torch.Images;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.MLNet.Tests;

/// <summary>What a pipeline that embeds images reads, prepares and encodes, on which threads, and where its errors come.</summary>
public sealed class EmbeddingWorkTests : IDisposable
{
    private const int Pictures = 24, BatchSize = 4;

    private readonly MLContext _ml = new(1);
    private readonly CountedPictures _encoder = new();
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("patchdpo-embedding-");

    public EmbeddingWorkTests()
    {
        for (int i = 0; i < Pictures; i++)
            ImageFile.SavePng(PathOf(i), Picture(i));
    }

    public void Dispose()
    {
        _encoder.Dispose();
        _folder.Delete(recursive: true);
    }

    [Fact]
    public void Embeddings_are_those_of_the_images_alone_and_each_file_is_read_and_encoded_once()
    {
        (IDataView view, ImageFileLoadingTransformer loading) = Pipeline(Enumerable.Range(0, Pictures));
        _encoder.Forget();
        float[][] embeddings = [.. view.GetColumn<float[]>("Embedding")];
        Assert.Equal((Pictures, Pictures), (_encoder.Prepared, _encoder.Encoded));
        Assert.Equal(Pictures, ((ImageFileLoadingMapping)loading.Mapping).Decoded);
        using DisposeScope scope = NewDisposeScope();
        using var alone = new PoolingEncoder();
        for (int i = 0; i < Pictures; i++)
            Assert.Equal(alone.Encode(alone.Preprocess(Picture(i)).unsqueeze(0)).Global.data<float>().ToArray(), embeddings[i]);
    }

    [Fact]
    public void A_picture_that_neighbouring_rows_show_is_encoded_once_for_them()
    {
        int[] shown = [.. Enumerable.Range(0, 6 * BatchSize).Select(i => i % 3)];
        (IDataView view, _) = Pipeline(shown);
        (IDataView all, _) = Pipeline(Enumerable.Range(0, 3));
        float[][] each = [.. all.GetColumn<float[]>("Embedding")];
        _encoder.Forget();
        Assert.Equal(shown.Select(i => each[i]), view.GetColumn<float[]>("Embedding"));
        // Once in each of the batches at the start and in the full ones behind them, not once a row.
        Assert.InRange(_encoder.Encoded, 3, 3 * 4);
    }

    [Fact]
    public void The_first_row_costs_one()
    {
        (IDataView view, _) = Pipeline(Enumerable.Range(0, Pictures));
        _encoder.Forget();
        Assert.Single(_ml.Data.TakeRows(view, 1).GetColumn<float[]>("Embedding"));
        Assert.Equal((1, 1), (_encoder.Prepared, _encoder.Encoded));
    }

    [Fact]
    public void Workers_prepare_the_next_batches_while_one_is_computed()
    {
        int caller = Environment.CurrentManagedThreadId;
        using ManualResetEventSlim elsewhere = new();
        (IDataView view, _) = Pipeline(Enumerable.Range(0, Pictures));
        _encoder.Forget();
        _encoder.OnPrepare = () =>
        {
            if (Environment.CurrentManagedThreadId != caller)
                elsewhere.Set();
        };
        // The third batch is not computed before a worker has prepared something of those behind it.
        _encoder.OnEncode = () => Assert.True(_encoder.Batches.Count != 3 || elsewhere.Wait(TimeSpan.FromMinutes(2)));
        Assert.Equal(Pictures, view.GetColumn<float[]>("Embedding").Count());
        Assert.True(_encoder.Batches.Count > 3);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(5)]
    [InlineData(17)]
    public void A_file_that_is_no_image_fails_at_its_own_row_and_spoils_no_other(int spoilt)
    {
        File.WriteAllText(PathOf(spoilt), "no image");
        (IDataView view, _) = Pipeline(Enumerable.Range(0, Pictures));
        using DataViewRowCursor cursor = view.GetRowCursor([view.Schema["Embedding"]]);
        ValueGetter<VBuffer<float>> getter = cursor.GetGetter<VBuffer<float>>(view.Schema["Embedding"]);
        for (int i = 0; i < Pictures; i++)
        {
            Assert.True(cursor.MoveNext());
            VBuffer<float> embedding = default;
            if (i == spoilt)
                Assert.Equal((spoilt, "Path"), Assert.Throws<InvalidRowException>(() => getter(ref embedding)) is var e ? (e.Row, e.Column) : default);
            else
                getter(ref embedding);
            Assert.Equal(i == spoilt ? 0 : 3, embedding.Length);
        }
    }

    private static ImageBuffer Picture(int seed)
    {
        byte[] pixels = new byte[24 * 24 * 3];
        new Random(seed).NextBytes(pixels);
        return new ImageBuffer(24, 24, 3, pixels);
    }

    private string PathOf(int i) => Path.Combine(_folder.FullName, $"{i}.png");

    private (IDataView View, ImageFileLoadingTransformer Loading) Pipeline(IEnumerable<int> pictures)
    {
        IDataView source = _ml.Data.LoadFromEnumerable(pictures.Select(i => new Row { Path = PathOf(i) }).ToArray());
        ImageFileLoadingTransformer loading = _ml.PatchDpo.LoadImages("Image", inputColumnName: "Path").Fit(source);
        IDataView loaded = loading.Transform(source);
        IDataView view = _ml.PatchDpo.EmbedImages("Embedding", ImageEncoder.FromInstance(_encoder), "Image", BatchSize).Fit(loaded).Transform(loaded);
        return (view, loading);
    }

    private sealed class Row
    {
        public string Path { get; set; } = "";
    }
}
