namespace Ablation;

/// <summary>A part of the ablation: what is drawn, and which methods are compared on it.</summary>
/// <param name="Name">Its name on the command line.</param>
/// <param name="Title">Its heading in the report.</param>
/// <param name="Text">What is special about it, for the report.</param>
/// <param name="Draw">Draws a seed's data: seed, training pairs, held-out subjects.</param>
/// <param name="Methods">The rows of its table.</param>
/// <param name="PatchDpo">The row that the others are compared with: the weight map was chosen on seeds of no table.</param>
internal sealed record Comparison(string Name, string Title, string Text, Func<int, int, int, SeedData> Draw, IReadOnlyList<Method> Methods, Method PatchDpo)
{
    public static IReadOnlyList<Comparison> All { get; } =
    [
        new("one-object", "One object", """
            A tenth of the training prompts ask for a scene; the others ask for what the references show, a character on white. Held-out prompts
            ask half of the characters to face left, three in ten to be small, and some for a hat, a balloon, a flag or another body's colour, all in
            scenes, so that copying a reference costs something.
            """,
            SeedData.OneObject,
            [
                Method.Base, Method.Reconstruction, Method.ReferenceOnly, Method.ImageLevel, Method.ImageLevelOfContrast12, Method.DiffusionDpo,
                Method.MasksWithoutP, Method.Identity, Method.Contrast12BeforeSelfSupervision, Method.Contrast12ReferenceMasks, Method.Contrast12, Method.Oracle,
            ],
            Method.Contrast12),
        new("changed-objects", "Changed objects", """
            Half of the training prompts ask for what the held-out ones ask for: scenes, other poses and sizes, added or recoloured parts, none of
            which the references show.
            """,
            SeedData.ChangedObjects,
            [Method.Base, Method.Reconstruction, Method.ReferenceOnly, Method.IdentitysMass, Method.Contrast12, Method.IdentityBeforeSelfSupervision,
                Method.Identity, Method.Oracle, Method.Aligned],
            Method.Identity),
        new("local-faults", "Local faults", """
            The same prompts; but the generated half of each pair is the true image, in the prompt's pose and scene, with three of the object's eight parts
            recoloured or without their texture: faults that are local, as the paper draws them, and known.
            """,
            SeedData.LocalFaults,
            [Method.Base, Method.Reconstruction, Method.OraclesMass, Method.Oracle, Method.IdentitysMass, Method.Identity,
                Method.AlignedsMass, Method.Aligned],
            Method.Aligned)
        {
            Leads = [(Method.Oracle, Method.OraclesMass), (Method.Identity, Method.IdentitysMass), (Method.Aligned, Method.AlignedsMass)],
        },
        new("plain-prompts", "Plain prompts", """
            All training prompts ask for what their references show, as in the paper's data.
            """,
            SeedData.PlainPrompts,
            [Method.Base, Method.Reconstruction, Method.ReferenceOnly, Method.Contrast12, Method.Oracle],
            Method.Contrast12),
        new("two-objects", "Two objects", """
            "A cat and a robot, on a beach": each object's reference gives its own set of image prompt tokens; the sets are concatenated. The reference
            to train on is the two references' montage on white, and a quarter of the training prompts ask for a scene. DINO and wrong parts are means
            over the objects, each looked for in its half of the image; asked and shown is the share of images with each object on its own side.
            """,
            SeedData.TwoObjects,
            [Method.Base, Method.Reconstruction, Method.ReferenceOnly, Method.Identity, Method.Oracle],
            Method.Identity),
        new("merged-objects", "Two objects, merged", """
            The same data and prompts. "Merged" is MIP-Adapter's attention on the same keys and values: each object's tokens are attended to apart and weighed by
            where the words of its name are attended to, behind a gate that is drawn and, with PatchDPO, trained with the keys and values. The others
            attend to the objects' tokens at once. All train on the same pairs, which the base generated with concatenated tokens.
            """,
            SeedData.TwoObjects,
            [Method.Base, Method.BaseMerged, Method.Identity, Method.IdentityMerged, Method.OracleMerged],
            Method.IdentityMerged),
    ];

    /// <summary>
    /// Rows and the image-level weights of their mass, to say how much of the first one's lead the others have; none where that is not asked.
    /// </summary>
    public IReadOnlyList<(Method Method, Method OfItsMass)> Leads { get; init; } = [];

    /// <summary>What its data are called: comparisons on the same share pairs and trainings.</summary>
    public string Data => Draw.Method.Name;

    /// <summary>The base, and those of the methods that the command line names; all of them where it names none.</summary>
    public Method[] Choose(IReadOnlyList<string> names)
        => Methods.Where(m => names.Count == 0 || m == Method.Base || names.Any(n => m.IsCalled(n, Methods))).ToArray();
}
