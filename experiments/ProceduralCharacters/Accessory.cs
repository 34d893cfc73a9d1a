namespace ProceduralCharacters;

/// <summary>What a prompt can add to a character.</summary>
public enum Accessory
{
    None,
    Hat,
    Balloon,
    Flag,
}
