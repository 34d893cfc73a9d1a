using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.Pairs;
using PatchDpo.Torch.PatchQuality;

namespace PatchDpo.Torch.Training.Data;

/// <summary>
/// What training keeps of a pair itself: which prompt and images it has, and their quality. The rest is encoded once for all pairs that share it.
/// </summary>
/// <param name="Prompt">The prompt.</param>
/// <param name="ImagePrompts">Which references the image prompt is of, at least one (<see cref="ContentOf(ReferenceImage)"/>).</param>
/// <param name="Reference">The reference, x_ref.</param>
/// <param name="Generated">The generated image, x_gen.</param>
internal sealed record PairRecord(string Prompt, UInt128[] ImagePrompts, PairImage Reference, PairImage Generated)
{
    /// <summary>The record of a pair.</summary>
    public static PairRecord Of(TrainingPair pair) => new(
        pair.Prompt, [.. ImagePromptsOf(pair).Select(ContentOf)],
        PairImage.Of(pair.Reference, pair.ReferenceQuality), PairImage.Of(pair.Generated, pair.GeneratedQuality));

    /// <summary>The references that a pair's image prompt is of.</summary>
    public static IReadOnlyList<ReferenceImage> ImagePromptsOf(TrainingPair pair) => pair.ImagePrompts ?? [pair.Reference];

    /// <summary>A reference's content identity: its picture's, or, where it carries more, half of the SHA-256 of all that it carries.</summary>
    public static UInt128 ContentOf(ReferenceImage reference)
    {
        if (reference is { OtherPhotos.Count: 0, Name: null, Mask: null, Box: null, Scale: null })
            return reference.Image.Content;
        using MemoryStream bytes = new();
        using BinaryWriter writer = new(bytes);
        foreach (ImageBuffer photo in reference.Photos)
            Write(writer, photo.Content);
        writer.Write(reference.Name is not null);
        writer.Write(reference.Name ?? "");
        Write(writer, reference.Mask?.Content ?? default);
        foreach (double? number in new[] { reference.Box?.Left, reference.Box?.Top, reference.Box?.Right, reference.Box?.Bottom, reference.Scale })
            writer.Write(number ?? double.NaN);
        return MemoryMarshal.Read<UInt128>(SHA256.HashData(bytes.ToArray()));
    }

    /// <summary>A prompt's content identity: half of its SHA-256.</summary>
    public static UInt128 ContentOf(string prompt) => MemoryMarshal.Read<UInt128>(SHA256.HashData(Encoding.UTF8.GetBytes(prompt)));

    /// <summary>The record as bytes: the same for the same pair.</summary>
    public byte[] ToBytes()
    {
        using MemoryStream bytes = new();
        using BinaryWriter writer = new(bytes);
        writer.Write(Prompt);
        writer.Write(ImagePrompts.Length);
        foreach (UInt128 image in ImagePrompts)
            Write(writer, image);
        foreach (PairImage image in new[] { Reference, Generated })
        {
            Write(writer, image.Content);
            writer.Write(image.Width);
            writer.Write(image.Height);
            writer.Write(image.Quality.Height);
            writer.Write(image.Quality.Width);
            writer.Write(MemoryMarshal.AsBytes(image.Quality.Values.AsSpan()));
        }
        return bytes.ToArray();
    }

    /// <summary>The record that <see cref="ToBytes"/> gave.</summary>
    public static PairRecord FromBytes(byte[] bytes)
    {
        using BinaryReader reader = new(new MemoryStream(bytes));
        string prompt = reader.ReadString();
        UInt128[] images = new UInt128[reader.ReadInt32()];
        for (int i = 0; i < images.Length; i++)
            images[i] = ReadContent(reader);
        PairImage reference = ReadImage(reader);
        return new PairRecord(prompt, images, reference, ReadImage(reader));
    }

    private static PairImage ReadImage(BinaryReader reader)
    {
        UInt128 content = ReadContent(reader);
        (int width, int height, int rows, int columns) = (reader.ReadInt32(), reader.ReadInt32(), reader.ReadInt32(), reader.ReadInt32());
        float[] values = new float[rows * columns];
        reader.BaseStream.ReadExactly(MemoryMarshal.AsBytes(values.AsSpan()));
        return new PairImage(content, width, height, new QualityMap(rows, columns, values));
    }

    private static void Write(BinaryWriter writer, UInt128 value) => writer.Write(MemoryMarshal.AsBytes(new ReadOnlySpan<UInt128>(in value)));

    private static UInt128 ReadContent(BinaryReader reader)
    {
        UInt128 value = default;
        reader.BaseStream.ReadExactly(MemoryMarshal.AsBytes(new Span<UInt128>(ref value)));
        return value;
    }
}
