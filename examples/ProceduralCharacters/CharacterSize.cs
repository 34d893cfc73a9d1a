namespace ProceduralCharacters;

/// <summary>How large a character is drawn.</summary>
public enum CharacterSize
{
    Normal,
    Small,
    Large,
}
