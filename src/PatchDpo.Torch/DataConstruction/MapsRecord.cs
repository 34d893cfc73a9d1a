using System.Buffers.Binary;
using PatchDpo.Torch.PatchQuality;

namespace PatchDpo.Torch.DataConstruction;

/// <summary>A pair's maps in the journal.</summary>
/// <param name="Height">Rows of patches.</param>
/// <param name="Width">Patches in a row.</param>
/// <param name="Reference">p(x_ref): little-endian float32, rows from the top.</param>
/// <param name="Generated">p(x_gen), likewise.</param>
internal sealed record MapsRecord(int Height, int Width, byte[] Reference, byte[] Generated)
{
    public static MapsRecord Of(QualityMapPair maps) => new(maps.Generated.Height, maps.Generated.Width, Bytes(maps.Reference), Bytes(maps.Generated));

    /// <exception cref="ArgumentException">The values do not fit the grid or are not finite.</exception>
    public QualityMapPair ToMaps() => new(new QualityMap(Height, Width, Floats(Reference)), new QualityMap(Height, Width, Floats(Generated)));

    private static byte[] Bytes(QualityMap map)
    {
        byte[] bytes = new byte[map.Values.Length * sizeof(float)];
        for (int i = 0; i < map.Values.Length; i++)
            BinaryPrimitives.WriteSingleLittleEndian(bytes.AsSpan(i * sizeof(float)), map.Values[i]);
        return bytes;
    }

    private static float[] Floats(byte[] bytes)
    {
        float[] values = new float[bytes.Length / sizeof(float)];
        for (int i = 0; i < values.Length; i++)
            values[i] = BinaryPrimitives.ReadSingleLittleEndian(bytes.AsSpan(i * sizeof(float)));
        return values;
    }
}
