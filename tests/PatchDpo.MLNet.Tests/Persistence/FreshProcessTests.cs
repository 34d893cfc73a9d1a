using System.Diagnostics;
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
        Assert.Equal(expected, RunChild([file, folder.Path, .. s_columns]));
    }

    private static string[] RunChild(string[] arguments)
    {
        var start = new ProcessStartInfo(Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet") { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (string argument in arguments.Prepend(typeof(FreshProcessTests).Assembly.Location).Prepend("exec"))
            start.ArgumentList.Add(argument);
        using Process process = Process.Start(start)!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"The process ended with {process.ExitCode}: {errors.Result}");
        return output.Split(Environment.NewLine, StringSplitOptions.RemoveEmptyEntries);
    }
}
