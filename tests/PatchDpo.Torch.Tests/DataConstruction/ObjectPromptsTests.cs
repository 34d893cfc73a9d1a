using PatchDpo.Torch.DataConstruction;

namespace PatchDpo.Torch.Tests.DataConstruction;

public class ObjectPromptsTests
{
    [Fact]
    public void Every_noun_comes_before_any_comes_again()
    {
        Assert.Equal(ObjectPrompts.Nouns.Count * ObjectPrompts.Templates.Count, ObjectPrompts.All.Count);
        Assert.Equal(ObjectPrompts.All.Count, ObjectPrompts.All.Distinct().Count());
        foreach ((string noun, string prompt) in ObjectPrompts.Nouns.Zip(ObjectPrompts.All))
            Assert.Contains(noun, prompt, StringComparison.Ordinal);
        Assert.All(ObjectPrompts.All, p => Assert.DoesNotContain('{', p));
        Assert.All(ObjectPrompts.All, p => Assert.Contains("background", p, StringComparison.Ordinal));
    }

    [Fact]
    public void Nouns_get_their_article()
        => Assert.Equal(["an owl here", "a mug here", "old owl", "old mug"], ObjectPrompts.Create(["owl", "mug"], ["{0} here", "old {1}"]));

    [Fact]
    public void The_embedded_model_is_asked_in_its_own_words()
        => Assert.Equal(
            ["a robot, on a white background", "a cat, on a white background", "a bird, on a white background", "a fish, on a white background",
                "a car, on a white background", "a mushroom, on a white background"],
            ObjectPrompts.Embedded);
}
