using PatchDpo.Torch.Images;
using ProceduralCharacters;

namespace Ablation;

/// <summary>What one seed draws: subjects on white to train on, and others, held out, in scenes.</summary>
internal sealed record SeedData(IReadOnlyList<TrainingCase> Training, IReadOnlyList<HeldOutCase> HeldOut)
{
    private const int Half = 2;
    private const int Quarter = 4;
    private const int Tenth = 10;

    /// <summary>One object an image; a tenth of the training prompts ask for a scene, the others for what the references show.</summary>
    public static SeedData OneObject(int seed, int training, int heldOut)
        => OneObject(seed, training, heldOut, (kind, i) => Prompt.OnWhite(
            kind) with { Scene = IsOneOf(Tenth, i) ? (Scene)(((seed * 3) + i) % 8) : Scene.White });

    /// <summary>
    /// One object an image; half of the training prompts ask for scenes, poses, sizes, accessories and colours that the references do not show.
    /// </summary>
    public static SeedData ChangedObjects(int seed, int training, int heldOut)
        => OneObject(seed, training, heldOut, (kind, i) => Changing(kind, seed, i));

    /// <summary>
    /// The same prompts; but what the model would generate is the true image with three of the object's eight parts in other colours or without texture.
    /// </summary>
    public static SeedData LocalFaults(int seed, int training, int heldOut)
        => OneObject(seed, training, heldOut, (kind, i) => Changing(kind, seed, i), faults: 3);

    /// <summary>One object an image; all training prompts ask for another pose, size, accessory or colour than the references show, on white.</summary>
    public static SeedData ChangedOnWhite(int seed, int training)
        => OneObject(seed, training, 0, (kind, i) => Prompt.Varied(kind, (seed * 104_729) + i) with { Scene = Scene.White });

    /// <summary>One object an image; all training prompts ask for what the references show, as in the paper's data.</summary>
    public static SeedData PlainPrompts(int seed, int training, int heldOut) => OneObject(seed, training, heldOut, (kind, _) => Prompt.OnWhite(kind));

    /// <summary>
    /// Two objects an image, each with its own image prompt; the reference to train on is their montage, and a quarter of the training prompts ask
    /// for a scene.
    /// </summary>
    public static SeedData TwoObjects(int seed, int training, int heldOut)
    {
        TrainingCase[] cases = Enumerable.Range(0, training).Select(i =>
        {
            Duo duo = Duo.Random((seed * 1_000_003) + i, onWhite: !IsOneOf(Quarter, i));
            ImageBuffer[] references = [CharacterRenderer.RenderReference(duo.Left).Image, CharacterRenderer.RenderReference(duo.Right).Image];
            ReferenceImage[] named = [new(references[0]) { Name = Duo.Name(duo.Left) }, new(references[1]) { Name = Duo.Name(duo.Right) }];
            return new TrainingCase(duo.Text, ReferenceMontage.Compose(references, CharacterRenderer.Size), named,
                CharacterRenderer.Render(duo with { Scene = Scene.White }, i), CharacterRenderer.Render(duo, i));
        }).ToArray();
        return new SeedData(cases, Enumerable.Range(0, heldOut).Select(i =>
        {
            Duo duo = Duo.Random((seed * 1_000_003) + training + i, onWhite: false) with { Scene = (Scene)(((seed * 5) + i) % 8) };
            IReadOnlyList<RenderedCharacter> truths = CharacterRenderer.Render(duo, i);
            HeldOutObject[] objects = new[] { duo.Left, duo.Right }.Select(
                (c, side) => new HeldOutObject(CharacterRenderer.RenderReference(c).Image, truths[side], Duo.Name(c), CharacterRenderer.CellOf(duo, side))).ToArray();
            return new HeldOutCase(Subject(i), duo.Text, objects, image => ShownRequest.Of(image, duo, i));
        }).ToArray());
    }

    private static SeedData OneObject(int seed, int training, int heldOut, Func<CharacterKind, int, Prompt> trainingPrompt, int faults = 0)
    {
        Character[] all = Enumerable.Range(0, training + heldOut).Select(i => Character.Random((seed * 1_000_003) + i, (CharacterKind)(i % 6))).ToArray();
        TrainingCase[] cases = all.Take(training).Select((c, i) =>
        {
            RenderedCharacter reference = CharacterRenderer.RenderReference(c);
            Prompt prompt = trainingPrompt(c.Kind, i);
            return new TrainingCase(prompt.Text, reference.Image, [reference.Image], [reference], [CharacterRenderer.Render(c, prompt, i)])
            {
                Planted = faults == 0 ? null : CharacterRenderer.Render(c.WithChangedParts(faults, (seed * 15_485_863) + i), prompt, i).Image,
            };
        }).ToArray();
        return new SeedData(cases, Enumerable.Range(0, heldOut).Select(i =>
        {
            Character character = all[training + i];
            Prompt prompt = Prompt.Varied(character.Kind, (seed * 7_919) + i);
            var shown = new HeldOutObject(
                CharacterRenderer.RenderReference(character).Image, CharacterRenderer.Render(character, prompt, i), Duo.Name(character));
            return new HeldOutCase(Subject(i), prompt.Text, [shown], image => ShownRequest.Of(image, character, prompt, i));
        }).ToArray());
    }

    /// <summary>Whether a training prompt of <see cref="ChangedObjects"/> asks for more than the reference shows.</summary>
    public static bool IsChanging(int index) => IsOneOf(Half, index);

    private static Prompt Changing(CharacterKind kind, int seed, int index)
        => IsChanging(index) ? Prompt.Varied(kind, (seed * 104_729) + index) : Prompt.OnWhite(kind);

    // Kinds go round in sixes: whole rounds are taken.
    private static bool IsOneOf(int every, int index) => index / 6 % every == 0;

    private static string Subject(int index) => $"{index:D3}";
}
