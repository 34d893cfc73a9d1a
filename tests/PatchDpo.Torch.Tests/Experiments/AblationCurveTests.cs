using Ablation;

namespace PatchDpo.Torch.Tests.Experiments;

/// <summary>The ablation compares consistency at equal text alignment.</summary>
public sealed class AblationCurveTests
{
    private static readonly Curve s_curve = new([At(1, 0.5, 0.6), At(0.75, 0.4, 0.66), At(0.5, 0.2, 0.7)], [], ImplicitAccuracy: null);

    [Fact]
    public void A_method_that_follows_the_text_at_full_strength_keeps_it() => Assert.Same(s_curve.Full, s_curve.WithClipT(0.55));

    [Theory]
    [InlineData(0.63, 0.875, 0.45)]
    [InlineData(0.66, 0.75, 0.4)]
    [InlineData(0.68, 0.625, 0.3)]
    public void A_weaker_image_prompt_has_the_wanted_text_alignment(double clipT, double strength, double dino)
    {
        Outcome outcome = s_curve.WithClipT(clipT);
        Assert.Equal(clipT, outcome.ClipT, 12);
        Assert.Equal(strength, outcome.Strength, 12);
        Assert.Equal(dino, outcome.Dino, 12);
        Assert.Equal(1 - dino, outcome.WrongParts, 12);
        Assert.Equal(2 * dino, outcome.Asked, 12);
        Assert.Equal(3 * dino, outcome.PatchQuality, 12);
    }

    [Fact]
    public void Where_no_strength_has_it_the_least_is_taken() => Assert.Same(s_curve.Outcomes[^1], s_curve.WithClipT(0.71));

    private static Outcome At(double strength, double dino, double clipT) => new(strength, dino, 1 - dino, clipT, 2 * dino, 3 * dino);
}
