using System.Security.Cryptography;
using System.Text.Json;
using PatchDpo.Torch.Images;

namespace PatchDpo.Torch.Tests.Images;

/// <summary>Some 320 small files of every format, orientation and place of it, that Pillow wrote or read: the same bytes come out here.</summary>
public class PillowFilesTests
{
    private static readonly Lazy<Dictionary<string, JsonElement>> Files = new(Read);

    public static TheoryData<string> Names => [.. Files.Value.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void Pixels_are_Pillow_s(string name)
    {
        JsonElement file = Files.Value[name];
        ImageBuffer image = ImageFile.Decode(file.GetProperty("file").GetBytesFromBase64(), name);
        Assert.Equal((file.GetProperty("width").GetInt32(), file.GetProperty("height").GetInt32()), (image.Width, image.Height));
        Assert.Equal(file.GetProperty("rgb").GetString(), Hash(image.ToRgb().Pixels));
        if (file.TryGetProperty("alpha", out JsonElement alpha))
            Assert.Equal(alpha.GetString(), Hash([.. image.Pixels.Where((_, i) => i % 4 == 3)]));
    }

    [Fact]
    public void Orientation_stays_where_it_is_not_wanted()
    {
        ImageBuffer image = ImageFile.Decode(Files.Value["or6_le.tif"].GetProperty("file").GetBytesFromBase64(), "or6",
            new ImageDecodeOptions { ApplyOrientation = false });
        Assert.Equal((13, 7), (image.Width, image.Height));
    }

    /// <summary>Every file without its end, and with bytes flipped: an image or the one exception, and never another.</summary>
    [Fact]
    public void Damaged_files_are_images_or_told()
    {
        var random = new Random(5);
        foreach ((string name, JsonElement file) in Files.Value)
        {
            byte[] bytes = file.GetProperty("file").GetBytesFromBase64();
            for (int i = 0; i < 6; i++)
            {
                byte[] damaged = i < 2 ? bytes[..random.Next(bytes.Length)] : [.. bytes];
                for (int flip = 0; i >= 2 && flip < 3; flip++)
                    damaged[random.Next(damaged.Length)] = (byte)random.Next(256);
                Exception? error = Record.Exception(() => ImageFile.Decode(damaged, name, new ImageDecodeOptions { MaxPixels = 1 << 16 }));
                Assert.True(error is null or InvalidImageException, $"{name}, {i}: {error}");
            }
        }
    }

    private static string Hash(byte[] bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes))[..16];

    private static Dictionary<string, JsonElement> Read()
    {
        using Stream stream = typeof(PillowFilesTests).Assembly.GetManifestResourceStream("pillow.json")!;
        using JsonDocument document = JsonDocument.Parse(stream);
        return document.RootElement.GetProperty("images").Clone().EnumerateArray().ToDictionary(f => f.GetProperty("name").GetString()!);
    }
}
