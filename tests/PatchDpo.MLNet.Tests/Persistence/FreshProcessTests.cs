using Microsoft.ML;
using PatchDpo.MLNet.Tests.Support;
using PatchDpo.Tests;
using PatchDpo.Torch.Adapters;
using PatchDpo.Torch.Diffusion.Samplers;
using PatchDpo.Torch.Personalization;

namespace PatchDpo.MLNet.Tests.Persistence;

public sealed class FreshProcessTests(TinyModels models) : IClassFixture<TinyModels>
{
    private static readonly string[] Columns = ["Id", "PatchQualityScore", "GeneratedQuality", "Features", "Generated", "HeatMap"];

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

        string[] expected = ReloadProgram.Print(model.Transform(rows), Columns).ToArray();
        Assert.Equal(3, expected.Length);
        (int exitCode, string[] output, string[] errors) = ChildProcess.Run(
            typeof(FreshProcessTests).Assembly.GetName().Name!, [file, folder.Path, .. Columns]);
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
        (int exitCode, string[] output, string[] errors) = ChildProcess.Run(
            typeof(FreshProcessTests).Assembly.GetName().Name!, [file, folder.Path, "Reference", "Generated"]);
        Assert.True(exitCode == 0, string.Join('\n', errors));
        Assert.Equal(expected, output);
    }

    [Fact]
    public void Parts_outside_the_models_folder_and_the_chosen_sampler_are_found_in_such_a_process()
    {
        using var folder = new ImageFolder(2);
        string root = Directory.CreateDirectory(Path.Combine(models.Root, "scattered")).FullName, file = Path.Combine(root, "model.zip");
        string model = TinyPersonalizedModel.Write(Path.Combine(root, "model"), family: TinyFamily.Sd15, sampler: "ScoreSdeVpScheduler");
        foreach (string part in new[] { "image_encoder", "tokenizer", "ip_adapter.safetensors" })
            Directory.Move(Path.Combine(model, part), Path.Combine(root, part));
        var ml = new MLContext(1);
        IDataView rows = ImageFolder.Rows(ml, Directory.GetFiles(folder.Path).Order(StringComparer.Ordinal));
        using PersonalizedModel generator = ml.PatchDpo.LoadPersonalizedModel(model, new PersonalizedModelOptions
        {
            AdapterPath = Path.Combine(root, "ip_adapter.safetensors"),
            ImageEncoderPath = Path.Combine(root, "image_encoder"),
            TokenizerPath = Path.Combine(root, "tokenizer"),
            Sampler = SamplerKind.Euler,
        });
        ITransformer chain = ml.PatchDpo.LoadImages("Reference", null, "ImagePath")
            .Append(ml.PatchDpo.GeneratePersonalizedImages(generator, generation: new GenerationOptions { Steps = 2 })).Fit(rows);
        ml.Model.Save(chain, rows.Schema, file);
        // The saved model brings its adapter itself.
        File.Delete(Path.Combine(root, "ip_adapter.safetensors"));

        string[] expected = ReloadProgram.Print(chain.Transform(rows), ["Generated"]).ToArray();
        (int exitCode, string[] output, string[] errors) = ChildProcess.Run(
            typeof(FreshProcessTests).Assembly.GetName().Name!, [file, folder.Path, "Generated"]);
        Assert.True(exitCode == 0, string.Join('\n', errors));
        Assert.Equal(expected, output);

        File.AppendAllText(Path.Combine(root, "image_encoder", "config.json"), " ");
        ModelReferenceException e = Assert.Throws<ModelReferenceException>(() => ml.PatchDpo.LoadModel(file, out _));
        Assert.Equal(Path.Combine(root, "image_encoder"), e.Folder);
    }
}
