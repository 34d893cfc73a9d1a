using System.Text.RegularExpressions;
using PatchDpo.Tests;
using PatchDpo.Torch.Images;

namespace PatchDpo.Tool.Tests;

/// <summary>The pages and the masks of the commands, run as their users run them.</summary>
public sealed class ReportTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("patchdpo-report-").FullName;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void Evaluate_compare_and_score_write_a_page_with_the_worst_image_first()
    {
        foreach (string subject in new[] { "cup", "shoe" })
        {
            Write(subject.Length, "photos", subject, "a.png");
            foreach (string week in new[] { "week1", "week2" })
                for (int i = 0; i < 3; i++)
                    Write(week == "week2" && subject == "shoe" && i == 1 ? 40 : subject.Length, week, subject, $"picture {i}.png");
        }
        foreach (string week in new[] { "week1", "week2" })
            Run("evaluate", "--subjects", At("photos"), "--generations", At(week), "--embedded", "--output", At(week + "-scores"), "--report", At(week + ".html"));
        string page = Page("week2.html");
        Assert.Contains("<h1><bdi>Evaluation of week2</bdi></h1>", page, StringComparison.Ordinal);
        Assert.Equal("shoe/picture 1.png", FirstRow(page));
        Assert.Contains($"<th scope=\"row\">--subjects</th><td><bdi>{At("photos")}</bdi></td>", page, StringComparison.Ordinal);
        Assert.Contains("compare with no others", page, StringComparison.Ordinal);

        Run("compare", At("week1-scores"), At("week2-scores"), "--report", At("changes.html"), "--report-pictures", "3");
        page = Page("changes.html");
        Assert.Equal("shoe/picture 1.png", FirstRow(page));
        // One image changed: its reference, and both generations with their maps.
        Assert.Equal(5, Regex.Matches(page, "<img ").Count);

        Run("score", "--generated", At("week2"), "--references", At("photos"), "--output", At("pq"), "--heat-maps", "1", "--encoder", "embedded",
            "--report", At("pairs.html"), "--report-pictures", "2");
        page = Page("pairs.html");
        Assert.StartsWith(Path.Combine("week2", "shoe", "picture 1.png"), FirstRow(page), StringComparison.Ordinal);
        Assert.Contains("The 2 worst of 6 pairs", page, StringComparison.Ordinal);
        Assert.True(ImageFile.Load(Directory.GetFiles(At("pq/heat-maps"))[0]).Height > 512);
    }

    [Fact]
    public void A_comparison_whose_pictures_are_gone_still_has_its_table_and_says_so()
    {
        Write(1, "photos", "a.png");
        Write(1, "week1", "1.png");
        Write(1, "week1", "2.png");
        Write(1, "week2", "1.png");
        Write(9, "week2", "2.png");
        foreach (string week in new[] { "week1", "week2" })
            Run("evaluate", "--subjects", At("photos"), "--generations", At(week), "--embedded", "--output", At(week + "-scores"));
        Directory.Delete(At("week1"), recursive: true);
        Run("compare", At("week1-scores"), At("week2-scores"), "--report", At("changes.html"));
        string page = Page("changes.html");
        Assert.Contains("are not where the scores name them", page, StringComparison.Ordinal);
        Assert.Equal("2.png", FirstRow(page));
    }

    [Fact]
    public void What_cannot_be_written_or_shown_is_told_before_anything_is_computed()
    {
        Write(1, "photos", "a.png");
        Write(1, "images", "1.png");
        string[] evaluate = ["--subjects", At("photos"), "--generations", At("images"), "--embedded", "--output", At("out")];
        Fails("a folder", "evaluate", [.. evaluate, "--report", At("photos")]);
        Fails("0 to 1000", "evaluate", [.. evaluate, "--report", At("a.html"), "--report-pictures", "1001"]);
        Fails("needs --log", "train", "--pairs", At("photos"), "--output", At("a.safetensors"), "--report", At("a.html"));
        Fails("no page for Concept101", "evaluate", At("images"), "--benchmark", "concept101", "--concept101", At("photos"), "--embedded", "--report", At("a.html"));
        Assert.False(Directory.Exists(At("out")));
    }

    [Fact]
    public void Masks_on_both_sides_leave_what_they_cover_out_of_the_score()
    {
        // Left the same thing, right another one; the masks keep the left.
        ImageBuffer left = TinyPersonalizedModel.Image(1, 64, 64);
        Save(left, "photos", "cup", "a.png");
        Save(RightHalfOf(left, TinyPersonalizedModel.Image(30, 64, 64)), "images", "cup", "a.png");
        ImageBuffer mask = RightHalfOf(Plain(255), Plain(0));
        Save(mask, "masks", "cup", "a.png");
        Save(mask, "photo-masks", "cup", "a.png");
        string[] masks = ["--mask-dir", At("masks"), "--reference-mask-dir", At("photo-masks")];
        string[] evaluate = ["--subjects", At("photos"), "--generations", At("images"), "--embedded", "--output", At("out")];
        double whole = Score(evaluate), masked = Score([.. evaluate, .. masks, "--report", At("masked.html")]);
        Assert.True(masked > whole + 0.01, $"{masked} with masks, {whole} without.");
        Assert.Contains("Grey is outside a mask", Page("masked.html"), StringComparison.Ordinal);

        string[] score = ["--generated", At("images"), "--references", At("photos"), "--encoder", "embedded", "--output", At("pq"), "--heat-maps", "1"];
        Run("score", [.. score, .. masks]);
        string withFolders = File.ReadAllText(Path.Combine(At("pq"), "scores.tsv"));
        File.WriteAllText(At("pairs.tsv"), "ReferencePath\tGeneratedPath\tGeneratedMaskPath\tReferenceMaskPath\n"
            + "photos/cup/a.png\timages/cup/a.png\tmasks/cup/a.png\tphoto-masks/cup/a.png\n");
        Run("score", "--pairs", At("pairs.tsv"), "--encoder", "embedded", "--output", At("pq2"), "--heat-maps", "0");
        Assert.Equal(withFolders, File.ReadAllText(Path.Combine(At("pq2"), "scores.tsv")));
        string[] worst = File.ReadAllLines(Path.Combine(At("pq"), "worst-patches.tsv"));
        // Column X: nothing outside the mask is named.
        Assert.All(worst.Skip(1), l => Assert.True(int.Parse(l.Split('\t')[6]) < 32, l));

        File.Delete(At("masks/cup/a.png"));
        Fails("has no mask", "evaluate", [.. evaluate, .. masks]);
        Fails("has no mask", "score", [.. score, .. masks]);
        Fails("cannot be given with --reference-mask-dir", "score", [.. score, "--reference-mask-dir", At("photo-masks"), "--ignore-plain-background"]);
        Save(Plain(0), "masks", "cup", "a.png");
        Fails("holds no object", "evaluate", [.. evaluate, .. masks]);

        double Score(string[] arguments)
        {
            Run("evaluate", arguments);
            return double.Parse(Regex.Match(File.ReadAllText(Path.Combine(At("out"), "scores.tsv")), @"mean\t.*\t([\d.]+)\t[\d.]*\s*$", RegexOptions.Multiline).Groups[1].Value);
        }
    }

    private static ImageBuffer Plain(byte value) => new(64, 64, 3, [.. Enumerable.Repeat(value, 64 * 64 * 3)]);

    private static ImageBuffer RightHalfOf(ImageBuffer left, ImageBuffer right)
        => new(64, 64, 3, [.. left.ToRgb().Pixels.Select((p, i) => i / 3 % 64 < 32 ? p : right.ToRgb().Pixels[i])]);

    private static string FirstRow(string page)
        => Regex.Match(page, "id=\"s1-images\".*?<tbody>.*?<th scope=\"row\">(?:<a[^>]*>)?<bdi>([^<]*)", RegexOptions.Singleline).Groups[1].Value;

    private static void Run(string command, params string[] arguments)
    {
        (int exitCode, _, string[] errors) = Tool.Run(command, arguments);
        Assert.True(exitCode == 0, string.Join('\n', errors));
    }

    private static void Fails(string message, string command, params string[] arguments)
    {
        (int exitCode, _, string[] errors) = Tool.Run(command, arguments);
        Assert.Equal(2, exitCode);
        Assert.Contains(message, errors[^1], StringComparison.Ordinal);
    }

    private string At(string name) => Path.Combine(_root, name);

    private string Page(string name) => File.ReadAllText(At(name));

    private void Write(int number, params string[] path) => Save(TinyPersonalizedModel.Image(number, 48, 48), path);

    private void Save(ImageBuffer image, params string[] path)
    {
        string file = Path.Combine([_root, .. path]);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        ImageFile.SavePng(file, image);
    }
}
