using System.Text.RegularExpressions;
using PatchDpo.Torch.Evaluation;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.PatchQuality;
using PatchDpo.Torch.Reports;

namespace PatchDpo.Torch.Tests.Reports;

/// <summary>The page as a file.</summary>
public sealed class HtmlReportTests(ReportData data) : IClassFixture<ReportData>
{
    [Fact]
    public void All_text_is_escaped_and_nothing_is_fetched()
    {
        string html = File.ReadAllText(data.WriteAll("escaped.html"));
        Assert.DoesNotContain("<img src=x", html, StringComparison.Ordinal);
        Assert.DoesNotContain("'taken'", html, StringComparison.Ordinal);
        Assert.Single(Regex.Matches(html, "<script"));
        Assert.DoesNotMatch("(src|href)=\"(?!data:|#)", html);
        Assert.DoesNotMatch(@"url\((?!data:|\$\{)", html);
        Assert.Contains("default-src 'none'", html, StringComparison.Ordinal);
    }

    [Fact]
    public void It_holds_figures_intervals_configuration_fingerprints_and_a_definition_of_every_score_it_names()
    {
        string html = File.ReadAllText(data.WriteAll("whole.html"));
        MetricEstimate quality = data.Evaluation.Metrics.PatchQuality!;
        Assert.Contains(FormattableString.Invariant($"{quality.Mean:F3}"), html, StringComparison.Ordinal);
        Assert.Contains(FormattableString.Invariant($"[{quality.Lower:F3}, {quality.Upper:F3}]").Replace('-', '−'), html, StringComparison.Ordinal);
        Assert.Contains(data.Evaluation.Metrics.Models[0].Sha256, html, StringComparison.Ordinal);
        Assert.Contains("<th scope=\"row\">steps</th><td><bdi>30</bdi></td>", html, StringComparison.Ordinal);
        string[] targets = [.. Regex.Matches(html, "href=\"#([^\"]+)\"").Select(m => m.Groups[1].Value).Distinct()];
        Assert.Contains("def-loss", targets);
        string[] ids = [.. Regex.Matches(html, " id=\"([^\"]+)\"").Select(m => m.Groups[1].Value)];
        Assert.Equal(ids.Distinct(), ids);
        Assert.Empty(targets.Except(ids));
    }

    [Fact]
    public void Pictures_are_those_of_the_worst_and_the_page_says_so()
    {
        string html = File.ReadAllText(data.WriteAll("bounded.html", pictures: 2));
        Assert.Contains("The 2 worst of 9 images", html, StringComparison.Ordinal);
        Assert.Contains("the others are in the table below", html, StringComparison.Ordinal);
        // An evaluation and the pairs have two images with four pictures each; a comparison's worst have five; the training has two grids.
        Assert.Equal((2 * 4) + (2 * 4) + (1 * 5) + 2, Regex.Matches(html, "<img ").Count);
        Assert.Equal(9, Regex.Matches(Regex.Match(html, "id=\"s1-images\".*?</table>", RegexOptions.Singleline).Value, "<tr><td>").Count);
        Assert.DoesNotContain("<img ", File.ReadAllText(data.WriteAll("none.html", pictures: 0)), StringComparison.Ordinal);
    }

    [Fact]
    public void Thousands_of_images_stay_a_file_that_a_browser_opens()
    {
        ImageMetrics[] images = [.. Enumerable.Range(0, 4_000).Select(i => new ImageMetrics(i, $"subject {i % 50}", "a cat on a beach", 3, null, null, null, i / 4_000d, null))];
        SubjectMetrics[] subjects = [.. Enumerable.Range(0, 50).Select(i => new SubjectMetrics($"subject {i}", 80, 240, null, null, null, 0.5 + (i / 1e3)))];
        var metrics = new PersonalizationMetrics(
            DreamBenchSetting.Original, 4_000, 12_000, null, null, null, new MetricEstimate(0.5, 0.4, 0.6), subjects, [], null) { ImageMetrics = images };
        var report = new HtmlReport("Many") { PictureSize = 512 };
        EvaluationRow row = data.Evaluation.Rows!(0);
        report.AddEvaluation(new EvaluationReport(metrics), _ => row, data.Estimator);
        string path = data.FileOf("many.html");
        report.Write(path);
        Assert.InRange(new FileInfo(path).Length, 1 << 20, 10 << 20);
        Assert.Equal(4_000, Regex.Matches(Regex.Match(File.ReadAllText(path), "id=\"s1-images\".*?</table>", RegexOptions.Singleline).Value, "<tr><td>").Count);
    }

    [Fact]
    public void A_comparison_of_files_equals_that_of_memory_and_names_what_got_worse()
    {
        string before = data.FileOf("before.json"), after = data.FileOf("after.json");
        data.Later.WriteJson(before);
        data.Evaluation.WriteJson(after);
        EvaluationComparison read = EvaluationComparison.Of(EvaluationReport.ReadJson(before), EvaluationReport.ReadJson(after));
        EvaluationComparison direct = EvaluationComparison.Of(data.Later, data.Evaluation);
        Assert.Equal(direct.Metrics, read.Metrics);
        Assert.Equal(direct.Images, read.Images);
        Assert.Equal(ReportData.Worst, read.Images[0].Name);
        Assert.True(read.Images[0].Change < -0.1);
        Assert.All(read.Images.Skip(1), i => Assert.Equal(0, i.Change, 1e-6));
        Assert.Equal(data.Evaluation.Files.Select(f => f.Image), EvaluationReport.ReadJson(after).Files.Select(f => f.Image));
    }

    [Fact]
    public void Files_that_are_none_of_ours_are_named()
    {
        string path = data.FileOf("broken.json");
        File.WriteAllText(path, "{\"setting\":\"Original\"}");
        Assert.Contains("broken.json", Assert.Throws<RecordFileException>(() => EvaluationReport.ReadJson(path)).Message, StringComparison.Ordinal);
        string log = Directory.CreateDirectory(data.FileOf("broken-log")).FullName;
        Assert.Throws<FileNotFoundException>(() => new HtmlReport("x").AddTraining(log));
        File.WriteAllLines(Path.Combine(log, "training.jsonl"), ["{\"step\":1,\"loss\":1}", "{\"loss\":2}", "{\"step\":3,\"loss\":1}"]);
        Assert.Equal(2, Assert.Throws<RecordFileException>(() => new HtmlReport("x").AddTraining(log)).Line);
        Assert.Throws<InvalidOperationException>(() => new HtmlReport("x").Write(path));
        Assert.Throws<EmptyDataException>(() => new HtmlReport("x").AddScores([]));
    }

    [Fact]
    public void An_image_without_mask_and_one_with_are_drawn_under_one_scale_and_leave_no_tensor()
    {
        bool[,] mask = new bool[2, 2];
        mask[0, 0] = true;
        ImageBuffer image = TestImages.Blocks(3, 64, 64, 8);
        LeakCheck.Run(() =>
        {
            PatchQualityResult quality = data.Estimator.Score([image], [TestImages.Blocks(4, 64, 64, 8)], [mask], [mask])[0];
            var report = new HtmlReport("Masks") { PictureSize = 64 };
            report.AddScores([new ScoredImagePair("a", quality, () => new EvaluationRow("", "", image, [image]) { GeneratedMask = mask, ReferenceMasks = [mask] })]);
            report.Write(data.FileOf("masks.html"));
        });
        Assert.Contains("Grey is outside a mask", File.ReadAllText(data.FileOf("masks.html")), StringComparison.Ordinal);
        Assert.All(WorstPatch.Find(new QualityMap(4, 4, [.. Enumerable.Range(0, 16).Select(i => i / 16f)]), 64, 64, 9, mask),
            p => Assert.True(p.Row < 2 && p.Column < 2));
    }
}
