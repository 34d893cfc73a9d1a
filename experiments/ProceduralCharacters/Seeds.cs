namespace ProceduralCharacters;

/// <summary>Independent random sources for the different things that one seed decides.</summary>
internal static class Seeds
{
    /// <summary>
    /// Without the mixing, the first draws of a character and of a prompt of one seed would go together: every kind would keep to its own scenes.
    /// </summary>
    /// <param name="purpose">Tells the uses of a seed apart.</param>
    public static Random Source(int seed, uint purpose)
    {
        uint x = (uint)seed * 0x9E3779B1u + purpose * 0x85EBCA77u;
        x = (x ^ (x >> 15)) * 0x2C1B3C6Du;
        x = (x ^ (x >> 12)) * 0x297A2D39u;
        return new Random((int)((x ^ (x >> 15)) & int.MaxValue));
    }
}
