namespace ProceduralCharacters;

/// <summary>Where a character is.</summary>
public enum Scene
{
    Grass,
    Beach,
    Night,
    Snow,
    Bricks,
    Water,
    Desert,
    City,
    White,
}
