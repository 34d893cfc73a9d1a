namespace ProceduralCharacters;

/// <summary>Where in the image a character is.</summary>
public enum Place
{
    Middle,
    Left,
    Right,
}
