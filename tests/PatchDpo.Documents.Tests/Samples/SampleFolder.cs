using PatchDpo.Torch.Images;
using ProceduralCharacters;

namespace PatchDpo.Documents.Tests.Samples;

/// <summary>What the samples find in the current folder: photos of a cat and a robot, and a generated image of each in <c>generated</c>.</summary>
public sealed class SampleFolder : IDisposable
{
    private readonly WorkingFolder _folder = new();

    public SampleFolder()
    {
        Directory.CreateDirectory("photos");
        Directory.CreateDirectory("generated");
        foreach (CharacterKind kind in new[] { CharacterKind.Cat, CharacterKind.Robot })
        {
            Character character = Character.Random(seed: 1, kind);
            string name = $"{kind.ToString().ToLowerInvariant()}.png";
            ImageFile.SavePng(Path.Combine("photos", name), CharacterRenderer.RenderReference(character).Image);
            var prompt = new Prompt { Kind = kind, Scene = Scene.Beach };
            ImageFile.SavePng(Path.Combine("generated", name), CharacterRenderer.Render(character.WithChangedParts(2, seed: 1), prompt, seed: 1).Image);
        }
    }

    public void Dispose() => _folder.Dispose();
}
