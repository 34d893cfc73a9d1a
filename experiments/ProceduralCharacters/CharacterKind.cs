namespace ProceduralCharacters;

/// <summary>What a character is; the prompt names it. Its parts' colours are told by the reference image alone.</summary>
public enum CharacterKind
{
    Robot,
    Cat,
    Bird,
    Fish,
    Car,
    Mushroom,
}
