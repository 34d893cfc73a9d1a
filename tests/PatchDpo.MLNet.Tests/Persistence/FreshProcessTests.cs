using Microsoft.ML;
using PatchDpo.MLNet.Tests.Support;
using PatchDpo.Torch.Personalization;

namespace PatchDpo.MLNet.Tests.Persistence;

public sealed class FreshProcessTests(TinyModels models) : IClassFixture<TinyModels>
{
    private static readonly string[] s_columns = ["Id", "PatchQualityScore", "GeneratedQuality", "Features", "Generated", "HeatMap"];

    [Fact]
    public void A_chain_of_all_components_gives_the_same_in_a_process_that_only_has_the_saved_model()
    {
        using var folder = new ImageFolder(3);
        string file = Path.Combine(models.Root, "chain.zip");
        var ml = new MLContext(1);
        IDataView rows = ImageFolder.Rows(ml, Directory.GetFiles(folder.Path).Order(StringComparer.Ordinal));
        using PersonalizedModel generator = ml.PatchDpo.LoadPersonalizedModel(models.Generator);
        ITransformer model = ml.PatchDpo.LoadImages("Reference", null, "ImagePath")
            .Append(ml.PatchDpo.GeneratePersonalizedImages(generator, generation: new GenerationOptions { Steps = 2 }))
            .Append(ml.PatchDpo.ScorePatchQuality("Generated", "Reference", ImageEncoder.FromFolder(models.Dino), heatMap: "HeatMap"))
            .Append(ml.PatchDpo.EmbedImages("GeneratedEmbedding", ImageEncoder.FromFolder(models.Clip), "Generated"))
            .Append(ml.PatchDpo.EmbedText("PromptEmbedding", TextEncoder.FromFolder(models.Text), "Prompt"))
            .Append(ml.Transforms.Concatenate("Features", "GeneratedEmbedding", "PromptEmbedding", "PatchQualityScore"))
            .Fit(rows);
        ml.Model.Save(model, rows.Schema, file);

        string[] expected = ReloadProgram.Print(model.Transform(rows), s_columns).ToArray();
        Assert.Equal(3, expected.Length);
        (int exitCode, string[] output, string[] errors) = ChildProcess.Run(typeof(FreshProcessTests).Assembly.GetName().Name!, [file, folder.Path, .. s_columns]);
        Assert.True(exitCode == 0, string.Join('\n', errors));
        Assert.Equal(expected, output);
    }

    [Fact]
    public void Montages_and_concatenated_references_give_the_same_in_such_a_process()
    {
        using var folder = new ImageFolder(2);
        string file = Path.Combine(models.Root, "objects.zip");
        var ml = new MLContext(1);
        IDataView rows = ImageFolder.Rows(ml, Directory.GetFiles(folder.Path).Order(StringComparer.Ordinal));
        using PersonalizedModel generator = ml.PatchDpo.LoadPersonalizedModel(models.Generator);
        ITransformer model = ml.PatchDpo.LoadImages("First", null, "ImagePath")
            .Append(ml.PatchDpo.ComposeReferences("Reference", ["First", "First"], 40))
            .Append(ml.PatchDpo.GeneratePersonalizedImages(generator, new PersonalizedImageEstimator.Options
            {
                ReferenceColumnNames = ["First", "Reference"],
                Generation = new GenerationOptions { Steps = 2, AdapterScale = 20, ReferenceFusion = ReferenceFusion.Concatenate },
            }))
            .Fit(rows);
        ml.Model.Save(model, rows.Schema, file);

        string[] expected = ReloadProgram.Print(model.Transform(rows), ["Reference", "Generated"]).ToArray();
        Assert.Equal(2, expected.Length);
        (int exitCode, string[] output, string[] errors) = ChildProcess.Run(typeof(FreshProcessTests).Assembly.GetName().Name!, [file, folder.Path, "Reference", "Generated"]);
        Assert.True(exitCode == 0, string.Join('\n', errors));
        Assert.Equal(expected, output);
    }
}
