namespace ProceduralCharacters;

/// <summary>Two characters of different kinds in one picture, the one named first on the left.</summary>
public sealed record Duo(Character Left, Character Right, Scene Scene)
{
    /// <summary>The pair that a seed stands for, on white or in a scene.</summary>
    public static Duo Random(int seed, bool onWhite)
    {
        Random random = Seeds.Source(seed, 7);
        int left = random.Next(6);
        int right = (left + 1 + random.Next(5)) % 6;
        var scene = (Scene)random.Next(8);
        return new Duo(
            Character.Random(random.Next(), (CharacterKind)left), Character.Random(random.Next(), (CharacterKind)right), onWhite ? Scene.White : scene);
    }

    /// <summary>The same request but for one thing: the scene, one of the kinds, or who is on the left.</summary>
    public Duo WithOneChange(int seed)
    {
        Random random = Seeds.Source(seed, 8);
        while (true)
        {
            Duo other = Random(random.Next(), onWhite: random.Next(8) == 0);
            Duo changed = random.Next(3) switch
            {
                0 => this with { Scene = other.Scene },
                1 => this with { Left = Right, Right = Left },
                _ => this with { Right = other.Right },
            };
            if (changed.Text != Text && changed.Left.Kind != changed.Right.Kind)
                return changed;
        }
    }

    /// <summary>The text, for example "a cat and a robot, on a beach".</summary>
    public string Text => $"a {Name(Left)} and a {Name(Right)}, {Prompt.SceneText(Scene)}";

    /// <summary>What texts call a character.</summary>
    public static string Name(Character character) => character.Kind.ToString().ToLowerInvariant();
}
