using PatchDpo.Tests;
using PatchDpo.Torch.Images;

namespace PatchDpo.Tool.Tests;

/// <summary>The command score, run as its users run it.</summary>
public sealed class ScoreTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("patchdpo-score-").FullName;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void What_a_desktop_leaves_in_the_folders_is_no_image()
    {
        // Blanks and letters beyond ASCII in every path.
        string generated = Path.Combine(_root, "erzeugte Bilder é"), references = Path.Combine(_root, "Vorlagen 写真");
        foreach (string folder in new[] { generated, references })
        {
            Directory.CreateDirectory(Path.Combine(folder, ".ipynb_checkpoints"));
            Directory.CreateDirectory(Path.Combine(folder, "__MACOSX"));
            ImageFile.SavePng(Path.Combine(folder, "x ü.png"), TinyPersonalizedModel.Image(1));
            foreach (string litter in new[] { "._x ü.png", ".DS_Store", "Thumbs.db", "desktop.ini", ".ipynb_checkpoints/x ü-checkpoint.png",
                "__MACOSX/._x ü.png" })
                File.WriteAllBytes(Path.Combine(folder, litter), [0, 5, 22, 7]);
        }
        (int exitCode, string[] output, string[] errors) = Tool.Run("score", "--generated", generated, "--references", references, "--output",
            Path.Combine(_root, "Ergebnis ö"), "--heat-maps", "1");
        Assert.True(exitCode == 0, string.Join('\n', errors));
        Assert.StartsWith("1 pairs in", output[0], StringComparison.Ordinal);
        Assert.Contains(output, l => l.StartsWith("mean 1.000;", StringComparison.Ordinal));
        Assert.Equal(2, File.ReadAllLines(Path.Combine(_root, "Ergebnis ö", "scores.tsv")).Length);
    }

    [Fact]
    public void The_machine_is_used_as_the_command_line_says()
    {
        string[] folders = [.. new[] { "generated", "references" }.SelectMany(name =>
        {
            string folder = Directory.CreateDirectory(Path.Combine(_root, name, "cube")).FullName;
            for (int i = 0; i < 3; i++)
                ImageFile.SavePng(Path.Combine(folder, $"{name}{i}.png"), TinyPersonalizedModel.Image(i + name.Length));
            return new[] { "--" + name, Path.Combine(_root, name) };
        })];
        string features = Path.Combine(_root, "features");
        string[] plain = Scores();
        Assert.Equal(10, plain.Length);
        Assert.Equal(plain, Scores("--batch", "2", "--device", "cpu", "--dtype", "float32", "--feature-memory", "1", "--features", features));
        string[] files = Directory.GetFiles(features, "*", SearchOption.AllDirectories);
        Assert.NotEmpty(files);
        Assert.Equal(plain, Scores("--features", features));
        Assert.Equal(files, Directory.GetFiles(features, "*", SearchOption.AllDirectories));
        Assert.NotEqual(plain, Scores("--dtype", "bfloat16"));
        Refused("--threads must be at least 1", "--threads", "0");
        Refused("--batch must be at least 1", "--batch", "0");
        Refused("--feature-memory must be at least 0", "--feature-memory", "-1");
        Refused("'tpu' is no device", "--device", "tpu");

        // To four decimals: the batch decides the last bits.
        string[] Scores(params string[] more)
        {
            string output = Path.Combine(_root, Guid.NewGuid().ToString());
            (int code, _, string[] faults) = Tool.Run("score", [.. folders, "--encoder", "embedded", "--heat-maps", "0", "--output", output, .. more]);
            Assert.True(code == 0, string.Join('\n', faults));
            return [.. File.ReadLines(Path.Combine(output, "scores.tsv")).Select(l => string.Join('\t', l.Split('\t').Select(c => c.Length == 7 ? c[..6] : c)))];
        }

        void Refused(string message, params string[] more)
        {
            (int code, _, string[] faults) = Tool.Run("score", [.. folders, "--encoder", "embedded", .. more]);
            Assert.Equal(2, code);
            Assert.Contains(message, Assert.Single(faults), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Patches_match_the_views_of_a_reference_that_the_command_line_asks_for()
    {
        ImageBuffer image = TinyPersonalizedModel.Image(1, 64, 64);
        byte[] mirrored = [.. Enumerable.Range(0, image.Pixels.Length).Select(i => image.Pixels[(((i / 3 / 64 * 64) + 63 - (i / 3 % 64)) * 3) + (i % 3)])];
        string generated = Directory.CreateDirectory(Path.Combine(_root, "generated")).FullName;
        string references = Directory.CreateDirectory(Path.Combine(_root, "references")).FullName;
        ImageFile.SavePng(Path.Combine(generated, "a.png"), new ImageBuffer(64, 64, 3, mirrored));
        ImageFile.SavePng(Path.Combine(references, "a.png"), image);
        string[] arguments = ["--generated", generated, "--references", references, "--encoder", "embedded", "--heat-maps", "0", "--output",
            Path.Combine(_root, "scores")];
        Assert.DoesNotContain(Tool.Run("score", arguments).Output, IsPerfect);
        Assert.Contains(Tool.Run("score", [.. arguments, "--mirrored-references", "--reference-scales", "0.5", "0.75", "--reference-tilts", "2"]).Output, IsPerfect);
        (int exitCode, _, string[] errors) = Tool.Run("score", [.. arguments, "--reference-scales", "2"]);
        Assert.Equal(2, exitCode);
        Assert.Contains("--reference-scales: Each of Scales lies in [0.25, 1)", Assert.Single(errors), StringComparison.Ordinal);

        static bool IsPerfect(string line) => line.StartsWith("mean 1.000;", StringComparison.Ordinal);
    }

    [Fact]
    public void Objects_are_brought_to_their_references_place_and_size_where_the_command_line_asks_for_it()
    {
        string[] folders = [.. new[] { "generated", "references", "mask-dir", "reference-mask-dir" }.SelectMany(name =>
        {
            string folder = Directory.CreateDirectory(Path.Combine(_root, name)).FullName;
            // The left half of the picture; of the generated one half as large, at the right.
            ImageBuffer image = TinyPersonalizedModel.Image(1, 32, 64), small = PillowResize.Resize(image, 16, 32, ResampleFilter.Bicubic);
            bool isMask = name.EndsWith("mask-dir", StringComparison.Ordinal), isReference = name.StartsWith("reference", StringComparison.Ordinal);
            (ImageBuffer source, int left, int top) = isReference ? (image, 0, 0) : (small, 40, 10);
            byte[] pixels = [.. Enumerable.Range(0, 64 * 64 * 3).Select(i => isMask ? (byte)0 : (byte)99)];
            for (int i = 0; i < source.Pixels.Length; i++)
            {
                int x = left + (i / 3 % source.Width), y = top + (i / 3 / source.Width);
                pixels[(((y * 64) + x) * 3) + (i % 3)] = isMask ? byte.MaxValue : source.Pixels[i];
            }
            ImageFile.SavePng(Path.Combine(folder, "a.png"), new ImageBuffer(64, 64, 3, pixels));
            return new[] { "--" + name, folder };
        })];
        string[] arguments = [.. folders, "--encoder", "embedded", "--heat-maps", "0", "--output", Path.Combine(_root, "scores")];
        double where = Mean(arguments), aligned = Mean([.. arguments, "--align-objects"]);
        Assert.True(aligned > where + 0.03, $"{aligned:F3} aligned, {where:F3} where they are");
        Assert.NotEqual(aligned, Mean([.. arguments, "--align-objects", "--compare-colors"]));
        Refused("--compare-colors goes with --align-objects", [.. arguments, "--compare-colors"]);
        Refused("--align-objects goes without views", [.. arguments, "--align-objects", "--mirrored-references"]);
        Refused("--align-objects needs the masks of both images", [.. arguments[..4], "--align-objects"]);
        Refused("--align-objects needs the masks of both images", [.. arguments[..6], "--align-objects"]);

        double Mean(string[] asked)
        {
            (int code, string[] output, string[] faults) = Tool.Run("score", asked);
            Assert.True(code == 0, string.Join('\n', faults));
            string mean = Assert.Single(output, l => l.StartsWith("mean ", StringComparison.Ordinal));
            return double.Parse(mean[5..10], System.Globalization.CultureInfo.InvariantCulture);
        }

        void Refused(string message, string[] asked)
        {
            (int code, _, string[] faults) = Tool.Run("score", asked);
            Assert.Equal(2, code);
            Assert.Contains(message, Assert.Single(faults), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Photos_are_scored_with_ImageNets_ResNet_18_unless_another_encoder_is_named()
    {
        foreach (string folder in new[] { "generated", "references" })
            ImageFile.SavePng(Path.Combine(Directory.CreateDirectory(Path.Combine(_root, folder)).FullName, "a.png"), TinyPersonalizedModel.Image(1, 448, 448));
        string[] folders = ["--generated", Path.Combine(_root, "generated"), "--references", Path.Combine(_root, "references"), "--heat-maps", "0"];
        Assert.Equal(14, MapRows());
        Assert.Equal(28, MapRows("--stages", "2", "3", "--patch", "8"));
        Assert.Equal(7, MapRows("--stage", "4"));
        Assert.Equal(16, MapRows("--encoder", "embedded"));
        (int exitCode, _, string[] errors) = Tool.Run("score", [.. folders, "--stages", "5", "--output", Path.Combine(_root, "no")]);
        Assert.Equal(2, exitCode);
        Assert.Contains("stages 1 to 4", Assert.Single(errors), StringComparison.Ordinal);
        (exitCode, _, errors) = Tool.Run("score", [.. folders, "--patch", "12", "--output", Path.Combine(_root, "no")]);
        Assert.Equal(2, exitCode);
        Assert.Contains("power of two", Assert.Single(errors), StringComparison.Ordinal);

        int MapRows(params string[] more)
        {
            string output = Path.Combine(_root, Guid.NewGuid().ToString());
            (int code, _, string[] faults) = Tool.Run("score", [.. folders, "--worst", "100000", "--output", output, .. more]);
            Assert.True(code == 0, string.Join('\n', faults));
            string[][] patches = [.. File.ReadLines(Path.Combine(output, "worst-patches.tsv")).Skip(1).Select(l => l.Split('\t'))];
            return (int)Math.Round(448 / patches.Average(p => double.Parse(p[9])));
        }
    }

    [Fact]
    public void Matching_tells_each_sequences_share_with_its_interval()
    {
        // The second photo is the first, and so is the third: whatever the encoder, each patch finds itself.
        string sequence = Directory.CreateDirectory(Path.Combine(_root, "v_same")).FullName;
        for (int i = 1; i <= 3; i++)
        {
            ImageFile.SavePng(Path.Combine(sequence, $"{i}.png"), TinyPersonalizedModel.Image(1, 96, 96));
            if (i > 1)
                File.WriteAllText(Path.Combine(sequence, $"H_1_{i}"), "1 0 0\n0 1 0\n0 0 1\n");
        }
        (int exitCode, string[] output, string[] errors) = Tool.Run("score", "matching", sequence, "--stage", "2", "--size", "64");
        Assert.True(exitCode == 0, string.Join('\n', errors));
        Assert.Contains("ImageNet's ResNet-18", output[0], StringComparison.Ordinal);
        Assert.StartsWith("v_same: 1.000, 95% interval 1.000 to 1.000", output[1], StringComparison.Ordinal);
        (exitCode, _, errors) = Tool.Run("score", "matching", Path.Combine(_root, "none"));
        Assert.Equal(2, exitCode);
        Assert.Contains("none", Assert.Single(errors), StringComparison.Ordinal);
    }

    [Fact]
    public void Of_many_pairs_the_folders_means_and_the_worst_ten_are_shown()
    {
        string generated = Path.Combine(_root, "generated"), references = Path.Combine(_root, "references"), output = Path.Combine(_root, "out");
        for (int i = 0; i < 24; i++)
        {
            string subject = i % 2 == 0 ? "cat" : "dog";
            // The cats are drawn as their references are, the dogs are not.
            ImageFile.SavePng(Path.Combine(Directory.CreateDirectory(Path.Combine(references, subject)).FullName, $"{i}.png"), TinyPersonalizedModel.Image(i, 64, 64));
            ImageFile.SavePng(Path.Combine(Directory.CreateDirectory(Path.Combine(generated, subject)).FullName, $"{i}.png"),
                TinyPersonalizedModel.Image(i + (i % 2), 64, 64));
        }
        (int exitCode, string[] lines, string[] errors) = Tool.Run("score", "--generated", generated, "--references", references, "--output", output,
            "--heat-maps", "1", "--overview", "--encoder", "embedded");
        Assert.True(exitCode == 0, string.Join('\n', errors));
        Assert.True(ImageFile.Load(Path.Combine(output, "overview.png")).Width > 4 * 200);
        Assert.Contains("pair 24 of 24", errors);
        Assert.EndsWith(Path.Combine("generated", "dog"), lines[2], StringComparison.Ordinal);
        Assert.EndsWith(Path.Combine("generated", "cat"), lines[3], StringComparison.Ordinal);
        Assert.StartsWith("    12   1.000", lines[3], StringComparison.Ordinal);
        Assert.Equal(10, lines.Count(l => l.Contains(" <- ", StringComparison.Ordinal)));
        Assert.Equal(25, File.ReadAllLines(Path.Combine(output, "scores.tsv")).Length);
        Assert.DoesNotContain(".png.png", Assert.Single(Directory.GetFiles(Path.Combine(output, "heat-maps"))), StringComparison.Ordinal);
    }
}
