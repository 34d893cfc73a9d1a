namespace Ablation;

/// <summary>A part of the ablation: what is drawn, and which methods are compared on it.</summary>
/// <param name="Name">Its name on the command line.</param>
/// <param name="Title">Its heading in the report.</param>
/// <param name="Text">What is special about it, for the report.</param>
/// <param name="Draw">Draws a seed's data: seed, training pairs, held-out subjects.</param>
/// <param name="MainMethodsOnly">Whether only the methods that matter most are compared.</param>
internal sealed record Comparison(string Name, string Title, string Text, Func<int, int, int, SeedData> Draw, bool MainMethodsOnly)
{
    public static IReadOnlyList<Comparison> All { get; } =
    [
        new("one-object", "One object", """
            A quarter of the training prompts ask for a scene; the others ask for what the references show, a character on white. Held-out prompts
            ask half of the characters to face left, three in ten to be small, and some for a hat, a balloon, a flag or another body's colour, all in
            scenes, so that copying a reference costs something.
            """, SeedData.OneObject, MainMethodsOnly: false),
        new("few-scenes", "Fewer scenes", """
            The same, but only a tenth of the training prompts ask for a scene.
            """, SeedData.FewScenes, MainMethodsOnly: true),
        new("plain-prompts", "Plain prompts", """
            The same, but all training prompts ask for what their references show, as in the paper's data.
            """, SeedData.PlainPrompts, MainMethodsOnly: true),
        new("two-objects", "Two objects", """
            "A cat and a robot, on a beach": each object's reference gives its own set of image prompt tokens; the sets are concatenated. The reference
            to train on is the two references' montage on white, and a quarter of the training prompts ask for a scene. DINO and wrong parts are means
            over the objects, each looked for in its half of the image; asked and shown is the share of images with each object on its own side.
            """, SeedData.TwoObjects, MainMethodsOnly: true),
    ];

    /// <summary>Those of the given methods that it compares.</summary>
    public IReadOnlyList<Method> Choose(IEnumerable<Method> methods) => methods.Where(m => m.IsMain || !MainMethodsOnly).ToArray();
}
