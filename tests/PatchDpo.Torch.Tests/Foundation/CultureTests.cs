using System.Globalization;
using System.Security.Cryptography;
using PatchDpo.Tests;
using PatchDpo.Torch.DataConstruction;
using PatchDpo.Torch.Evaluation;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.PatchEncoders;
using PatchDpo.Torch.Personalization;
using PatchDpo.Torch.Tests.DataConstruction;
using PatchDpo.Torch.Tests.Weights;

namespace PatchDpo.Torch.Tests.Foundation;

/// <summary>A culture that writes 1,5 and has another minus sign than a hyphen changes no file and no id.</summary>
public sealed class CultureTests : PairBuilds
{
    [Fact]
    public void A_data_set_has_the_same_bytes()
    {
        string ours = Folder.File("invariant"), theirs = Folder.File("other");
        Build(ours, new Painter());
        In(Commas(), () => Build(theirs, new Painter()));
        Assert.Equal(FolderContent.Of(ours), FolderContent.Of(theirs));
        In(Commas(), () => Assert.Equal(10, PairFolder.Open(theirs, verifyHashes: true).Pairs.Count));
    }

    [Fact]
    public void A_report_has_the_same_bytes()
    {
        var estimate = new MetricEstimate(-0.5, -0.75, 1234.5);
        var metrics = new PersonalizationMetrics(DreamBenchSetting.Original, 2, 3, estimate, null, null, null,
            [new SubjectMetrics("cat", 2, 3, -0.5, null, null, null)], [], -7);
        Assert.Equal(Written(), In(Commas(), Written));

        string Written()
        {
            new EvaluationReport(metrics).WriteJson(Folder.File("a.json"));
            new EvaluationReport(metrics).WriteTsv(Folder.File("a.tsv"));
            return File.ReadAllText(Folder.File("a.json")) + File.ReadAllText(Folder.File("a.tsv")) + metrics + estimate;
        }
    }

    [Fact]
    public void A_refused_number_is_told_as_it_would_be_written_in_code()
        => In(Commas(), () => Assert.Contains("[0.05, 1]", Assert.Throws<ArgumentOutOfRangeException>(() => new PatchEncoderTrainerOptions { MinScale = 0.01 })
            .Message, StringComparison.Ordinal));

    [SkippableTheory]
    [InlineData("tr-TR")]
    [InlineData("de-DE")]
    public void A_model_in_a_folder_with_blanks_and_foreign_letters_gives_the_same_picture(string culture)
    {
        string folder = TinyPersonalizedModel.Write(Folder.File("Ürünler ve ışıklar/モデル é"), family: TinyFamily.Sd15);
        string expected = Draw(folder, Folder.File("Ürünler ve ışıklar/resim ö.png"));
        // Here every culture is the invariant one; a user's application may have the system's, and so has a process of its own.
        (int exitCode, string output, string errors) = ChildProcess.Finish(ChildProcess.StartAssembly(
            "PatchDpo.Torch.Tests.dll",
            new Dictionary<string, string> { ["DOTNET_SYSTEM_GLOBALIZATION_INVARIANT"] = "0", ["DOTNET_SYSTEM_GLOBALIZATION_PREDEFINED_CULTURES_ONLY"] = "0" },
            SaveProgram.Culture, culture, folder, Folder.File("Ürünler ve ışıklar/çıktı ü.png")));
        Skip.If(exitCode != 0 && errors.Contains("ICU", StringComparison.Ordinal), "This system has no ICU.");
        Assert.True(exitCode == 0, errors);
        Assert.Equal($"{(culture == "tr-TR" ? 304 : 73)} 1,5 {expected}", output.Trim());
    }

    /// <summary>Draws in a culture and tells how it writes a capital i and a number, and what came of the picture.</summary>
    internal static string DrawIn(string culture, string folder, string file)
    {
        CultureInfo.CurrentCulture = new CultureInfo(culture);
        CultureInfo.DefaultThreadCurrentCulture = CultureInfo.CurrentCulture;
        return $"{(int)"i".ToUpper(CultureInfo.CurrentCulture)[0]} {1.5} {Draw(folder, file)}";
    }

    private static string Draw(string folder, string file)
    {
        using PersonalizedModel model = PersonalizedModel.Load(folder);
        var options = new GenerationOptions { Steps = 2, AdapterScale = 0.5, GuidanceScale = 2.5, NegativePrompt = "DIM LIGHT" };
        ImageFile.SavePng(file, model.Generate([new("IN A TITLE I", [TinyPersonalizedModel.Image(1)])], options)[0]);
        string adapter = Path.ChangeExtension(file, ".safetensors");
        model.SaveAdapter(adapter);
        using PersonalizedModel again = PersonalizedModel.Load(folder, adapter);
        return $"{Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(file)))} {Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(adapter)))}";
    }

    private static CultureInfo Commas()
    {
        var culture = (CultureInfo)CultureInfo.InvariantCulture.Clone();
        culture.NumberFormat.NumberDecimalSeparator = culture.NumberFormat.PercentDecimalSeparator = ",";
        culture.NumberFormat.NumberGroupSeparator = ".";
        culture.NumberFormat.NegativeSign = "\u2212";
        return culture;
    }

    private static void In(CultureInfo culture, Action action) => In(culture, () =>
    {
        action();
        return 0;
    });

    private static T In<T>(CultureInfo culture, Func<T> function)
    {
        CultureInfo before = CultureInfo.CurrentCulture;
        CultureInfo.CurrentCulture = culture;
        try
        {
            Assert.Equal("\u22121,5", (-1.5).ToString(CultureInfo.CurrentCulture));
            return function();
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }
}
