namespace ProceduralCharacters;

/// <summary>A part's look; colours are 0xRRGGBB.</summary>
/// <param name="Color">The fill.</param>
/// <param name="SecondColor">The texture's other colour.</param>
/// <param name="Texture">How the two are laid out.</param>
public readonly record struct PartStyle(int Color, int SecondColor, Texture Texture);
