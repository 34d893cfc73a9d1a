namespace ProceduralCharacters;

/// <summary>How a part is filled.</summary>
public enum Texture
{
    Plain,
    Rows,
    Columns,
    Checks,
    Dots,
}
