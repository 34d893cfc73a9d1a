namespace PatchDpo.Torch.Weights.Pickle;

/// <summary>
/// Compares a dictionary's keys, with hash codes that a file cannot foresee: those of .NET's numbers are known, so that it could let all of its keys
/// collide.
/// </summary>
internal sealed class PickleKeyComparer : IEqualityComparer<object>
{
    public static readonly PickleKeyComparer Instance = new();

    public new bool Equals(object? x, object? y) => object.Equals(x, y);

    public int GetHashCode(object key) => key switch
    {
        long number => Seeded(number),
        // Equal doubles of unequal bits: the two zeros, and all NaN.
        double number => Seeded(BitConverter.DoubleToInt64Bits(double.IsNaN(number) ? double.NaN : number + 0.0)),
        // .NET seeds strings itself, and there are two booleans.
        _ => key.GetHashCode(),
    };

    private static int Seeded(long bits) => HashCode.Combine((int)bits, (int)(bits >> 32));
}
