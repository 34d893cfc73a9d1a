namespace PatchDpo.Torch.Evaluation;

/// <summary>The DreamBench protocol: its 30 subjects, their 25 prompts each, and the Kosmos-G setting's photos.</summary>
/// <remarks>The data set is DreamBooth's (google/dreambooth, CC BY 4.0); the chosen photos are those of the official PatchDPO evaluation.</remarks>
public static class DreamBench
{
    private static readonly string[] Shared =
    [
        "a {0} in the jungle",
        "a {0} in the snow",
        "a {0} on the beach",
        "a {0} on a cobblestone street",
        "a {0} on top of pink fabric",
        "a {0} on top of a wooden floor",
        "a {0} with a city in the background",
        "a {0} with a mountain in the background",
        "a {0} with a blue house in the background",
        "a {0} on top of a purple rug in a forest",
    ];

    private static readonly string[] Object =
    [
        "a {0} with a wheat field in the background",
        "a {0} with a tree and autumn leaves in the background",
        "a {0} with the Eiffel Tower in the background",
        "a {0} floating on top of water",
        "a {0} floating in an ocean of milk",
        "a {0} on top of green grass with sunflowers around it",
        "a {0} on top of a mirror",
        "a {0} on top of the sidewalk in a crowded street",
        "a {0} on top of a dirt road",
        "a {0} on top of a white rug",
    ];

    private static readonly string[] Animal =
    [
        "a {0} wearing a red hat",
        "a {0} wearing a santa hat",
        "a {0} wearing a rainbow scarf",
        "a {0} wearing a black top hat and a monocle",
        "a {0} in a chef outfit",
        "a {0} in a firefighter outfit",
        "a {0} in a police outfit",
        "a {0} wearing pink glasses",
        "a {0} wearing a yellow shirt",
        "a {0} in a purple wizard outfit",
    ];

    private static readonly string[] Changes = ["a red {0}", "a purple {0}", "a shiny {0}", "a wet {0}", "a cube shaped {0}"];

    /// <summary>The 30 subjects, objects first.</summary>
    public static IReadOnlyList<DreamBenchSubject> Subjects { get; } =
    [
        new("backpack", "backpack", 6, "02"),
        new("backpack_dog", "backpack", 5, "02"),
        new("bear_plushie", "stuffed animal", 5, "03"),
        new("berry_bowl", "bowl", 6, "02"),
        new("can", "can", 6, "01"),
        new("candle", "candle", 5, "02"),
        new("clock", "clock", 6, "03"),
        new("colorful_sneaker", "sneaker", 5, "01"),
        new("duck_toy", "toy", 4, "01"),
        new("fancy_boot", "boot", 6, "02"),
        new("grey_sloth_plushie", "stuffed animal", 5, "04"),
        new("monster_toy", "toy", 5, "04"),
        new("pink_sunglasses", "glasses", 6, "04"),
        new("poop_emoji", "toy", 5, "00"),
        new("rc_car", "toy", 5, "03"),
        new("red_cartoon", "cartoon", 4, "00"),
        new("robot_toy", "toy", 5, "00"),
        new("shiny_sneaker", "sneaker", 6, "01"),
        new("teapot", "teapot", 5, "04"),
        new("vase", "vase", 6, "02"),
        new("wolf_plushie", "stuffed animal", 5, "04"),
        new("cat", "cat", 5, "04"),
        new("cat2", "cat", 5, "02"),
        new("dog", "dog", 5, "02"),
        new("dog2", "dog", 6, "02"),
        new("dog3", "dog", 6, "05"),
        new("dog5", "dog", 5, "00"),
        new("dog6", "dog", 5, "02"),
        new("dog7", "dog", 5, "01"),
        new("dog8", "dog", 5, "04"),
    ];

    /// <summary>The 25 prompts of a subject, with its class filled in.</summary>
    /// <param name="subject">The subject; cats and dogs have the animals' prompts, all others the objects'.</param>
    public static IReadOnlyList<string> Prompts(DreamBenchSubject subject)
    {
        ArgumentNullException.ThrowIfNull(subject);
        string[] own = subject.ClassName is "cat" or "dog" ? Animal : Object;
        return [.. Shared.Concat(own).Concat(Changes).Select(p => p.Replace("{0}", subject.ClassName, StringComparison.Ordinal))];
    }
}
