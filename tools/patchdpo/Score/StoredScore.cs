using System.Runtime.InteropServices;
using PatchDpo.Torch.PatchQuality;

namespace PatchDpo.Tool.Score;

/// <summary>What a shard keeps of a pair: enough for every table and picture.</summary>
/// <param name="Score">The pair's score.</param>
/// <param name="Width">Of the generated image, in pixels.</param>
/// <param name="Height">Of the generated image, in pixels.</param>
/// <param name="Rows">Of the maps.</param>
/// <param name="Columns">Of the maps.</param>
/// <param name="Generated">The generated image's map, float32 values.</param>
/// <param name="Reference">The reference's.</param>
internal sealed record StoredScore(float Score, int Width, int Height, int Rows, int Columns, byte[] Generated, byte[] Reference)
{
    /// <summary>Of a pair.</summary>
    public static StoredScore Of(ScoredPair pair, int width, int height) => new(
        pair.Score, width, height, pair.Generated.Height, pair.Generated.Width, Bytes(pair.Generated), Bytes(pair.Reference));

    /// <summary>The pair again.</summary>
    public ScoredPair Restore(ImagePair pair) => new(pair, Map(Generated), Map(Reference), Score);

    private static byte[] Bytes(QualityMap map) => MemoryMarshal.AsBytes(map.Values.AsSpan()).ToArray();

    private QualityMap Map(byte[] bytes) => new(Rows, Columns, MemoryMarshal.Cast<byte, float>(bytes).ToArray());
}
