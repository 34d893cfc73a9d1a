using Microsoft.ML;
using PatchDpo.MLNet.Tests.Support;
using PatchDpo.Tests;

namespace PatchDpo.MLNet.Tests.Persistence;

/// <summary>A saved model in a context that does not know this library's components.</summary>
public sealed class UnregisteredTests(TinyModels models) : IClassFixture<TinyModels>
{
    // ML.NET drops the cause and names its own chain, so docs/errors.md says what is missing.
    [Fact]
    public void ML_NET_says_what_the_page_of_errors_has_and_registration_cures_it()
    {
        const string Message = "Couldn't load model: 'TransformerChain'";
        MLContext ml = new(1), other = new(1);
        string path = Path.Combine(models.Root, "unregistered.zip");
        IDataView rows = TestImages.Rows(ml, 1);
        using (ImageEmbeddingTransformer transformer = ml.PatchDpo.EmbedImages("E", ImageEncoder.FromFolder(models.Dino), "Image").Fit(rows))
            ml.PatchDpo.SaveModel(transformer, rows.Schema, path);
        Assert.Equal(Message, Assert.Throws<FormatException>(() => other.Model.Load(path, out _)).Message);
        string page = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "../../../../../docs/errors.md"));
        Assert.Contains(Message, page, StringComparison.Ordinal);
        Assert.Contains("PatchDpoComponents.Register(mlContext)", page, StringComparison.Ordinal);

        PatchDpoComponents.Register(other);
        (other.Model.Load(path, out _) as IDisposable)!.Dispose();
    }
}
