using PatchDpo.Torch.Images;
using PatchDpo.Torch.Personalization;
using ProceduralCharacters;

namespace Ablation;

/// <summary>What one seed draws: subjects to train on, and others, held out, with what each of their images should look like.</summary>
internal sealed class SeedData
{
    private const int PromptsPerSubject = 2;

    public SeedData(int seed, int training, int heldOut)
    {
        Character[] all = Enumerable.Range(0, training + heldOut).Select(i => Character.Random((seed * 1_000_003) + i, (CharacterKind)(i % 6))).ToArray();
        Training = all.Take(training).Select(c => new GenerationRequest(Prompt.OnWhite(c.Kind).Text, [CharacterRenderer.RenderReference(c).Image])).ToArray();
        var heldOutCases = new List<HeldOutCase>();
        foreach (Character character in all.Skip(training))
        {
            ImageBuffer reference = CharacterRenderer.RenderReference(character).Image;
            for (int i = 0; i < PromptsPerSubject; i++)
            {
                int index = heldOutCases.Count;
                Prompt prompt = Prompt.Random(character.Kind, (seed * 7_919) + index);
                heldOutCases.Add(new HeldOutCase($"{index / PromptsPerSubject:D3}", character, prompt, reference, CharacterRenderer.Render(character, prompt, index)));
            }
        }

        HeldOut = heldOutCases;
    }

    /// <summary>Subjects on white.</summary>
    public IReadOnlyList<GenerationRequest> Training { get; }

    /// <summary>Other subjects in scenes, two prompts each.</summary>
    public IReadOnlyList<HeldOutCase> HeldOut { get; }
}
