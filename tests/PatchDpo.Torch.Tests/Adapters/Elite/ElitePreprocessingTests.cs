using System.Globalization;
using System.Text.Json;
using PatchDpo.Torch.Adapters.Elite;
using PatchDpo.Torch.Clip;
using PatchDpo.Torch.Images;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Adapters.Elite;

/// <summary>Pictures, masks and placeholders as ELITE's inference prepares them.</summary>
public class ElitePreprocessingTests
{
    private static readonly Lazy<ClipTokenizer> Tokenizer = new(() => ClipTokenizer.FromOpenAiVocabulary(
        Fixtures.Find("09_tokenizer", "bpe_simple_vocab_16e6.txt*")[0]));

    [Fact]
    public void Pictures_and_masks_match()
    {
        using DisposeScope scope = NewDisposeScope();
        JsonElement json = Fixtures.Json($"{EliteFixture.Folder}/preproc.json");
        Dictionary<string, Tensor> expected = Fixtures.Tensors($"{EliteFixture.Folder}/preproc.safetensors");
        int stride = json.GetProperty("stride").GetInt32();
        HashSet<string> seen = [];
        foreach (string file in Fixtures.Find(EliteFixture.Folder, "obj*.png").Where(f => !f.EndsWith("_bg.png", StringComparison.Ordinal)))
        {
            string number = Path.GetFileNameWithoutExtension(file)["obj".Length..];
            ImageBuffer picture = ImageFile.Load(file), mask = ImageFile.Load(file.Replace(".png", "_bg.png", StringComparison.Ordinal));
            Strided("pixel_values_clip", picture);
            Strided("pixel_values_obj", ElitePictures.Object(picture, mask));
            ImageBuffer segmentation = ElitePictures.Segmentation(mask);
            Tensor planes = tensor(segmentation.Pixels).reshape(segmentation.Height, segmentation.Width, 3).permute(2, 0, 1);
            Same($"{number}.pixel_values_seg", planes, 0);
            foreach (string grid in expected.Keys.Where(k => k.StartsWith($"out.{number}.mask_", StringComparison.Ordinal)))
            {
                int side = int.Parse(grid[(grid.LastIndexOf('_') + 1)..], CultureInfo.InvariantCulture);
                Same(grid["out.".Length..], ElitePictures.Patches(mask, side).reshape(1, side, side), 0);
            }

            void Strided(string name, ImageBuffer image)
            {
                string key = $"{number}.{name}_strided";
                // The stored tensor has every stride-th row and column of CLIP's 224.
                Tensor pixels = ElitePictures.Pixels(image, 224)[.., TensorIndex.Slice(step: stride), TensorIndex.Slice(step: stride)];
                Same(key, pixels, FixtureCases.Tolerance(json, key));
            }
        }
        Assert.Equal(expected.Keys.Order(StringComparer.Ordinal), seen.Order(StringComparer.Ordinal));

        void Same(string name, Tensor actual, double tolerance)
        {
            seen.Add("out." + name);
            Fixtures.AssertClose(actual, expected["out." + name], tolerance, name);
        }
    }

    [Fact]
    public void Placeholders_stand_where_the_reference_finds_them()
    {
        JsonElement[] prompts = [.. Fixtures.Json($"{EliteFixture.Folder}/preproc.json").GetProperty("prompts").EnumerateArray()];
        Assert.NotEmpty(prompts);
        foreach (JsonElement prompt in prompts)
        {
            string text = prompt.GetProperty("text").GetString()!;
            int[] ids = [.. prompt.GetProperty("input_ids").EnumerateArray().Select(i => i.GetInt32())];
            IReadOnlyList<int> own = Tokenizer.Value.Encode(text);
            Assert.Equal(ids[..own.Count], own);
            Assert.Equal(prompt.GetProperty("index").GetInt32(), Place(text, ElitePrompt.Placeholder));
        }
    }

    [Theory]
    [InlineData("a photo of a S, S and more", "S", 7)]
    [InlineData("a quokka beside a S", "S", 7)]
    [InlineData("a photo of a cat", "cat", 5)]
    [InlineData("a photo of a cat", null, null)]
    [InlineData("", null, null)]
    [InlineData("S", null, 1)]
    public void The_last_token_that_is_the_placeholder_counts(string prompt, string? word, int? place) => Assert.Equal(place, Place(prompt, word));

    [Fact]
    public void A_placeholder_behind_the_end_of_the_text_is_not_seen_and_a_word_of_several_tokens_is_none()
    {
        Assert.Null(Place(string.Concat(Enumerable.Repeat("very ", 80)) + "S", null));
        Assert.Null(ElitePrompt.Token("two words", Tokenizer.Value));
        Assert.Null(ElitePrompt.Token("", Tokenizer.Value));
    }

    private static int? Place(string prompt, string? word) => ElitePrompt.Place(prompt, ElitePrompt.Token(word, Tokenizer.Value)!.Value, Tokenizer.Value);
}
