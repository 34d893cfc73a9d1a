using System.Text.Json;
using PatchDpo.Tests;
using PatchDpo.Torch.Images;

namespace PatchDpo.Tool.Tests;

/// <summary>Evaluations of a team's own products, and comparisons of two.</summary>
public sealed class ProductTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("patchdpo-products-").FullName;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void Products_with_any_number_of_photos_are_scored_by_image_subject_and_in_all()
    {
        for (int i = 0; i < 8; i++)
            Write(i, "photos", "cup", $"{i}.png");
        Write(20, "photos", "shoe", "a.jpg.png");
        Write(3, "images", "cup", "on a table.png");
        Write(30, "images", "cup", "in the rain.png");
        Write(20, "images", "shoe", "on a table.png");
        (int exitCode, string[] output, string[] errors) = Evaluate("out", "--subjects", At("photos"), "--generations", At("images"));
        Assert.True(exitCode == 0, string.Join('\n', errors));
        Assert.Contains("3 images of 2 subjects", output);
        using var json = JsonDocument.Parse(File.ReadAllText(Path.Combine(At("out"), "scores.json")));
        Assert.Equal(17, json.RootElement.GetProperty("pairs").GetInt32());
        JsonElement[] images = [.. json.RootElement.GetProperty("imageMetrics").EnumerateArray()];
        Assert.Equal(["cup/in the rain.png", "cup/on a table.png", "shoe/on a table.png"], images.Select(i => i.GetProperty("name").GetString()));
        Assert.Equal("on a table", images[2].GetProperty("prompt").GetString());
        Assert.Equal(1, images[2].GetProperty("patchQuality").GetDouble(), 1e-4);
        Assert.Equal("subjects", json.RootElement.GetProperty("intervalsOver").GetString());
    }

    [Fact]
    public void A_single_subject_has_an_interval_over_its_images_and_prompts_may_come_from_a_table()
    {
        Write(1, "photos", "a.png");
        Write(2, "images", "1.png");
        Write(3, "images", "2.png");
        File.WriteAllText(At("prompts.tsv"), "File\tPrompt\n1.png\ta red cat\n2.png\ta blue dog\n");
        (int exitCode, string[] output, string[] errors) = Evaluate("out", At("images"), "--subjects", At("photos"), "--prompts", At("prompts.tsv"));
        Assert.True(exitCode == 0, string.Join('\n', errors));
        Assert.Contains(output, l => l.Contains("intervals over images", StringComparison.Ordinal));
        Assert.DoesNotContain(output, l => l.Contains("NaN", StringComparison.Ordinal));
        Assert.Contains("\"prompt\": \"a blue dog\"", File.ReadAllText(Path.Combine(At("out"), "scores.json")), StringComparison.Ordinal);
        File.WriteAllText(At("prompts.tsv"), "File\tPrompt\n1.png\ta red cat\n");
        (exitCode, _, errors) = Evaluate("other", At("images"), "--subjects", At("photos"), "--prompts", At("prompts.tsv"));
        Assert.Equal(2, exitCode);
        Assert.Contains("no prompt for '2.png'", Assert.Single(errors), StringComparison.Ordinal);
        File.WriteAllText(At("prompts.tsv"), "File\tPrompt\n1.png\ta red cat\n2.png\t \n");
        (exitCode, _, errors) = Evaluate("other", At("images"), "--subjects", At("photos"), "--prompts", At("prompts.tsv"));
        Assert.Equal(2, exitCode);
        Assert.Contains("line 3, column 'Prompt': the prompt of '2.png' is empty", Assert.Single(errors), StringComparison.Ordinal);
    }

    [Fact]
    public void Products_without_images_and_images_without_product_are_named()
    {
        Write(1, "photos", "cup", "a.png");
        Write(1, "photos", "shoe", "a.png");
        Write(1, "images", "cup", "a.png");
        Write(1, "images", "hat", "a.png");
        (int exitCode, _, string[] errors) = Evaluate("out", At("images"), "--subjects", At("photos"));
        Assert.Equal(2, exitCode);
        Assert.Equal(["no generated image of 'shoe'", "no photos of 'hat'"], errors[..2]);
        Assert.False(Directory.Exists(At("out")));
        (exitCode, _, errors) = Evaluate("out", At("images"), "--subjects", At("photos"), "--allow-missing");
        Assert.True(exitCode == 0, string.Join('\n', errors));
    }

    [Fact]
    public void Two_evaluations_are_compared_by_subject_and_image()
    {
        foreach (string subject in new[] { "cup", "shoe", "hat" })
        {
            int number = subject.Length;
            Write(number, "photos", subject, "a.png");
            Write(number + 5, "before", subject, "one.png");
            Write(number, "before", subject, "two.png");
            Write(number, "after", subject, "one.png");
            Write(number + 5, "after", subject, "two.png");
        }
        Write(3, "before", "cup", "gone.png");
        Assert.Equal(0, Evaluate("scores1", At("before"), "--subjects", At("photos")).ExitCode);
        Assert.Equal(0, Evaluate("scores2", At("after"), "--subjects", At("photos")).ExitCode);
        (int exitCode, string[] output, string[] errors) = Tool.Run("compare", At("scores1"), Path.Combine(At("scores2"), "scores.json"), "--show", "2");
        Assert.True(exitCode == 0, string.Join('\n', errors));
        Assert.StartsWith("6 images of 3 subjects are in both", output[0], StringComparison.Ordinal);
        Assert.Contains(output, l => l.StartsWith("patch quality ", StringComparison.Ordinal));
        // One image of each subject got better by what the other lost; the cup's third, which is on one side alone, does not count.
        Assert.Contains(output, l => l.StartsWith("patch quality ", StringComparison.Ordinal) && l.Contains("    0.000   [", StringComparison.Ordinal));
        Assert.Contains("3 images got better in patch quality; the first 2:", output);
        Assert.Contains("3 images got worse in patch quality; the first 2:", output);
        Assert.Contains(output, l => l.EndsWith("alone: cup/gone.png", StringComparison.Ordinal));
        (exitCode, _, errors) = Tool.Run("compare", At("scores1"), At("nowhere"));
        Assert.Equal(2, exitCode);
        Assert.Contains("nowhere", Assert.Single(errors), StringComparison.Ordinal);
        File.WriteAllText(At("broken.json"), "{\"setting\": 1}");
        (exitCode, _, errors) = Tool.Run("compare", At("scores1"), At("broken.json"));
        Assert.Equal(2, exitCode);
        Assert.Contains("no file of scores", Assert.Single(errors), StringComparison.Ordinal);
    }

    private (int ExitCode, string[] Output, string[] Errors) Evaluate(string output, params string[] arguments)
        => Tool.Run("evaluate", [.. arguments, "--embedded", "--output", At(output)]);

    private string At(string name) => Path.Combine(_root, name);

    private void Write(int number, params string[] path)
    {
        string file = Path.Combine([_root, .. path]);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        ImageFile.SavePng(file, TinyPersonalizedModel.Image(number, 48, 48));
    }
}
