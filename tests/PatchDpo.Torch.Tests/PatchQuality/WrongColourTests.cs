using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.PatchQuality;
using ProceduralCharacters;

namespace PatchDpo.Torch.Tests.PatchQuality;

/// <summary>A part that was drawn in a plainly wrong colour, as ImageNet's ResNet-18 and the heat map show it; the drawing knows where it is.</summary>
public sealed class WrongColourTests : IDisposable
{
    // A large part; a person sees its colour at a glance.
    private const int LeastPixels = 200;

    private readonly IVisionEncoder _encoder = PatchEncoder.LoadResNet18();

    public void Dispose() => _encoder.Dispose();

    [Theory]
    [InlineData(CharacterKind.Robot, 0)]
    [InlineData(CharacterKind.Robot, 2)]
    [InlineData(CharacterKind.Cat, 0)]
    [InlineData(CharacterKind.Cat, 3)]
    [InlineData(CharacterKind.Bird, 0)]
    [InlineData(CharacterKind.Bird, 3)]
    [InlineData(CharacterKind.Fish, 1)]
    [InlineData(CharacterKind.Car, 2)]
    [InlineData(CharacterKind.Mushroom, 3)]
    public void It_has_a_lower_quality_than_each_part_that_is_right_and_is_drawn_warmer(CharacterKind kind, int seed)
    {
        (RenderedCharacter reference, RenderedCharacter drawn, int part) = Recoloured(kind, seed, _ => true);
        AssertShown(reference, drawn, part);
    }

    [Fact]
    public void A_head_that_lost_its_pattern_for_another_colour_is_not_taken_for_present()
    {
        // Of the robots that have a patterned head, the first.
        int seed = Enumerable.Range(0, 100).First(s => Character.Random(s, CharacterKind.Robot).Parts[Head(s)].Texture != Texture.Plain);
        (RenderedCharacter reference, RenderedCharacter drawn, int part) = Recoloured(CharacterKind.Robot, seed, p => p == Head(seed));
        AssertShown(reference, drawn, part);

        static int Head(int seed) => Character.Random(seed, CharacterKind.Robot).PartNames.Index().First(n => n.Item == "head").Index;
    }

    private void AssertShown(RenderedCharacter reference, RenderedCharacter drawn, int part)
    {
        QualityMap map = new PatchQualityEstimator(_encoder).Score([drawn.Image], [reference.Image])[0].Generated;
        QualityMap fine = map.Resize(CharacterRenderer.Size, CharacterRenderer.Size);
        int[] right = [.. Enumerable.Range(0, Character.PartCount).Where(p => p != part && Count(drawn, p) >= 40)];
        Assert.NotEmpty(right);
        double wrong = Over(drawn, part, i => fine.Values[i]);
        Assert.All(right, p => Assert.True(wrong < Over(drawn, p, i => fine.Values[i]), $"Part {part} has {wrong:F3}, part {p} {Over(drawn, p, i => fine.Values[i]):F3}."));

        // Red against blue is what a reader sees; a grey picture under the map leaves the map's colours alone.
        ImageBuffer grey = new(CharacterRenderer.Size, CharacterRenderer.Size, 1, [.. Enumerable.Repeat((byte)200, CharacterRenderer.Size * CharacterRenderer.Size)]);
        byte[] pixels = HeatMap.Render(grey, map, HeatMap.CommonRange([(map, null)])).Pixels;
        double warm = Over(drawn, part, i => pixels[3 * i] - pixels[(3 * i) + 2]);
        // Not than each: what lies on the wrong part, such as a cap's spots, is in its patches.
        Assert.True(warm > right.Average(p => Over(drawn, p, i => pixels[3 * i] - pixels[(3 * i) + 2])) + 20);
    }

    /// <summary>A character and the same with one large part in another colour.</summary>
    private static (RenderedCharacter Reference, RenderedCharacter Drawn, int Part) Recoloured(CharacterKind kind, int seed, Func<int, bool> isWanted)
    {
        var character = Character.Random(seed, kind);
        RenderedCharacter reference = CharacterRenderer.RenderReference(character);
        for (int change = 0; ; change++)
        {
            Character other = character.WithChangedParts(1, change);
            int part = Enumerable.Range(0, Character.PartCount).First(i => other.Parts[i] != character.Parts[i]);
            if (isWanted(part) && Count(reference, part) >= LeastPixels && Palette.Distance(other.Parts[part].Color, character.Parts[part].Color) > PartAccuracy.WrongAbove)
                return (reference, CharacterRenderer.RenderReference(other), part);
        }
    }

    private static int Count(RenderedCharacter character, int part) => character.PartMask.Count(m => m == part);

    private static double Over(RenderedCharacter character, int part, Func<int, double> value)
        => character.PartMask.Index().Where(m => m.Item == part).Average(m => value(m.Index));
}
