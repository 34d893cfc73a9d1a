namespace PatchDpo.Torch.DataConstruction;

/// <summary>Prompts for reference images: one object on a clean background.</summary>
/// <remarks>The paper's own list is not published; nouns and templates are ours.</remarks>
public static class ObjectPrompts
{
    /// <summary>Objects that a picture can show whole, alone and from near.</summary>
    public static IReadOnlyList<string> Nouns { get; } =
    [
        "alarm clock", "ankle boot", "apple", "armchair", "backpack", "baseball cap", "basket", "bathrobe", "beanie", "bicycle",
        "pair of binoculars", "bird figurine", "birdhouse", "board game box", "bottle", "bow tie", "bowl", "bracelet", "briefcase", "bucket",
        "cactus in a pot", "camera", "can", "candle", "carved pumpkin", "cat", "ceramic cat", "chair", "chess piece", "coffee grinder",
        "cookie jar", "corgi", "cowboy boot", "crown", "cuckoo clock", "cup", "cushion", "desk lamp", "dog", "doll",
        "doll house", "drum", "duck", "egg cup", "elephant figurine", "fire truck toy", "fountain pen", "game controller", "garden gnome", "gift box",
        "pair of glasses", "globe", "goldfish", "guitar", "hair dryer", "hammer", "handbag", "hat", "pair of headphones", "hedgehog plushie",
        "helmet", "horse figurine", "jacket", "jewellery box", "kettle", "kitten", "lantern", "leather wallet", "lunch box", "mailbox",
        "mask", "mug", "music box", "nutcracker", "owl statue", "parrot", "pepper mill", "perfume bottle", "piggy bank", "pillow",
        "pocket watch", "puppy", "rabbit plushie", "radio", "robot toy", "rocking horse", "rubber duck", "running shoe", "sailing boat model", "scarf",
        "school bus toy", "sewing machine", "skateboard", "snow globe", "sock", "spinning top", "steam train toy", "stuffed dinosaur", "suitcase",
            "pair of sunglasses",
        "sweater", "table fan", "teapot", "teddy bear", "telephone", "toaster", "totem", "toy car", "toy plane", "turtle",
        "typewriter", "umbrella", "vase", "violin", "wall clock", "watch", "watering can", "wicker hat", "wind chime", "wooden puppet",
    ];

    /// <summary>What is said about the noun's picture; <c>{0}</c> is the noun with its article.</summary>
    public static IReadOnlyList<string> Templates { get; } =
    [
        "a photo of {0}, on a plain white background",
        "{0} with an unusual pattern, product photo, on a plain white background",
        "a colourful {1}, studio photo, on a clean light grey background",
        "an old and worn {1}, studio photo, on a plain white background",
        "a handmade {1} of several materials, product photo, on a clean white background",
    ];

    /// <summary>
    /// The built-in prompts: every noun in the first template, then every noun in the second, and so on, so that any beginning of the list shows as
    /// many objects as it can.
    /// </summary>
    public static IReadOnlyList<string> All { get; } = Create(Nouns, Templates);

    /// <summary>
    /// The prompts of the model that ships with this library (<see cref="Models.EmbeddedModels.Generator"/>): the six nouns that it knows,
    /// in the words that it was trained with.
    /// </summary>
    public static IReadOnlyList<string> Embedded { get; } = Create(["robot", "cat", "bird", "fish", "car", "mushroom"], ["{0}, on a white background"]);

    /// <summary>Fills nouns into templates.</summary>
    /// <param name="nouns">Nouns without an article.</param>
    /// <param name="templates"><c>{0}</c> stands for the noun with "a" or "an", <c>{1}</c> for the noun alone.</param>
    /// <returns>Template by template, all nouns each.</returns>
    public static IReadOnlyList<string> Create(IReadOnlyList<string> nouns, IReadOnlyList<string> templates)
    {
        ArgumentNullException.ThrowIfNull(nouns);
        ArgumentNullException.ThrowIfNull(templates);
        return [.. templates.SelectMany(
            t => nouns.Select(n => t.Replace("{0}", $"{Article(n)} {n}", StringComparison.Ordinal).Replace("{1}", n, StringComparison.Ordinal)))];
    }

    private static string Article(string noun) => noun.Length > 0 && "aeiouAEIOU".Contains(noun[0], StringComparison.Ordinal) ? "an" : "a";
}
