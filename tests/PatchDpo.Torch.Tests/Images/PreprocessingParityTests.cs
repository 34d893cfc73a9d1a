using System.Text.Json;
using PatchDpo.Torch.Images;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Images;

/// <summary>Resizing, cropping and normalising against the numbers of Pillow, torchvision, OpenAI's CLIP and transformers.</summary>
public class PreprocessingParityTests
{
    private const string Folder = "10_preproc";

    public static TheoryData<string, string> Outputs() => Cases(f => f.Keys.Where(k => !k.StartsWith("in.", StringComparison.Ordinal)));

    public static TheoryData<string, string> Geometries() =>
        Cases(f => f.Json.GetProperty("info").EnumerateObject().Where(p => p.Value.ValueKind == JsonValueKind.Object).Select(p => p.Name));

    public static TheoryData<string, string> Files() =>
        Cases(f => f.Keys.Where(k => k.StartsWith("in.", StringComparison.Ordinal)).Select(k => k[3..])
            .Where(n => File.Exists(Fixtures.Path(Folder, n + ".png"))));

    public static TheoryData<string, int> Boxes()
    {
        var data = new TheoryData<string, int>();
        foreach (string path in Fixtures.Find(Folder, "*.json"))
        {
            using var fixture = new PreprocessingFixture(path);
            if (fixture.Json.TryGetProperty("boxes", out JsonElement boxes))
            {
                for (int i = 0; i < boxes.GetArrayLength(); i++)
                    data.Add(Path.GetFileName(path), i);
            }
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Outputs))]
    public void Output_equals_the_reference(string file, string key)
    {
        using var fixture = new PreprocessingFixture(Fixtures.Path(Folder, file));
        string[] parts = key.Split('.');
        if (parts is [string pipeline, string name, string sizes, "chw"])
        {
            using Tensor expected = fixture.Read(key);
            using Tensor actual = PreprocessingFixture.Preprocessor(pipeline, sizes).Preprocess(fixture.Input(name));
            Fixtures.AssertClose(actual, expected, fixture.FloatTolerance, key);
            return;
        }

        ImageBuffer image = parts switch
        {
            ["resize", string n, string size, string filter] => PillowResize.Resize(fixture.Input(n), PreprocessingFixture.Sizes(size, 'x')[0],
                PreprocessingFixture.Sizes(size, 'x')[1], Enum.Parse<ResampleFilter>(filter, ignoreCase: true)),
            ["resize_padding", string n, string size, "u8"] => fixture.Input(n).FitInWhiteSquare(PreprocessingFixture.Sizes(size, '_').Single()),
            [string n, "convert_rgb"] => fixture.Input(n).ToRgb(),
            [string p, string n, string s, "u8"] when fixture.Keys.Contains($"in.{n}")
                => PreprocessingFixture.Preprocessor(p, s).ResizeAndCrop(fixture.Input(n)),
            [string n, string p, string s, "u8"] => PreprocessingFixture.Preprocessor(p, s).ResizeAndCrop(fixture.Input(n)),
            _ => throw new NotSupportedException($"No rule for the fixture '{key}'."),
        };
        PreprocessingFixture.AssertSame(fixture.ReadImage(key), image, key);
    }

    [Theory]
    [MemberData(nameof(Geometries))]
    public void Geometry_equals_the_reference(string file, string key)
    {
        using var fixture = new PreprocessingFixture(Fixtures.Path(Folder, file));
        JsonElement info = fixture.Json.GetProperty("info").GetProperty(key);
        string[] parts = key.Split('.');
        ImageBuffer input = fixture.Input(parts[1]);
        if (parts[0] == "resize_padding")
        {
            int size = PreprocessingFixture.Sizes(parts[2], '_').Single();
            (int width, int height) = Pair(info.GetProperty("content_WH"));
            (int left, int top) = Pair(info.GetProperty("pad_left_top"));
            ImageBuffer square = input.FitInWhiteSquare(size);
            Assert.Equal(Pair(info.GetProperty("out_WH")), (square.Width, square.Height));
            PreprocessingFixture.AssertSame(PillowResize.Resize(input, width, height, ResampleFilter.Bilinear), square.Crop(left, top, width, height), key);
            return;
        }

        int[] sizes = PreprocessingFixture.Sizes(parts[2], '_');
        ImageBuffer result = PreprocessingFixture.Preprocessor(parts[0], parts[2]).ResizeAndCrop(input);
        foreach (JsonProperty property in info.EnumerateObject())
        {
            switch (property.Name)
            {
                case "resized_WH":
                    // With a crop offset given, that is enough to make the result again.
                    (int width, int height) = Pair(property.Value);
                    Assert.Equal(sizes[0], Math.Min(width, height));
                    if (info.TryGetProperty("crop_left_top", out JsonElement offset))
                    {
                        ImageBuffer resized = PillowResize.Resize(input, width, height, parts[0] == "train_latent" ? ResampleFilter.Bilinear
                            : ResampleFilter.Bicubic);
                        PreprocessingFixture.AssertSame(resized.Crop(Pair(offset).First, Pair(offset).Second, sizes[^1], sizes[^1]), result, key);
                    }

                    break;
                case "same_pixels_as_torchvision":
                    AssertSameness(property.Value.GetBoolean(), result, PreprocessingFixture.Preprocessor("dino_eval", parts[2]).ResizeAndCrop(input));
                    break;
                case "same_pixels_as_clip_preprocess":
                    AssertSameness(property.Value.GetBoolean(), result, new ClipPreprocessor(sizes[^1]).ResizeAndCrop(input));
                    break;
            }
        }
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void Png_file_decodes_to_the_reference_pixels(string file, string name)
    {
        using var fixture = new PreprocessingFixture(Fixtures.Path(Folder, file));
        PreprocessingFixture.AssertSame(fixture.Input(name), ImageFile.Load(Fixtures.Path(Folder, name + ".png")), name);
    }

    [Theory]
    [MemberData(nameof(Boxes))]
    public void Annotated_box_scales_as_in_the_reference(string file, int index)
    {
        JsonElement box = Fixtures.Json(Path.Combine(Folder, file)).GetProperty("boxes")[index];
        double[] annotated = [.. box.GetProperty("box").EnumerateArray().Select(v => v.GetDouble())];
        int[] expected = [.. box.GetProperty("box_scaled").EnumerateArray().Select(v => v.GetInt32())];
        Assert.Equal(new SubjectBox(expected[0], expected[1], expected[2], expected[3]),
            SubjectBox.FromAnnotation(annotated, box.GetProperty("image_WH")[0].GetInt32()));
    }

    private static void AssertSameness(bool expected, ImageBuffer a, ImageBuffer b) => Assert.Equal(expected, a.Pixels.AsSpan().SequenceEqual(b.Pixels));

    private static (int First, int Second) Pair(JsonElement pair) => (pair[0].GetInt32(), pair[1].GetInt32());

    private static TheoryData<string, string> Cases(Func<PreprocessingFixture, IEnumerable<string>> keys)
    {
        var data = new TheoryData<string, string>();
        foreach (string path in Fixtures.Find(Folder, "*.json"))
        {
            using var fixture = new PreprocessingFixture(path);
            foreach (string key in keys(fixture))
                data.Add(Path.GetFileName(path), key);
        }

        return data;
    }
}
