using PatchDpo.Torch.Images;

namespace ProceduralCharacters;

/// <summary>Lays images out in a grid.</summary>
public static class ContactSheet
{
    /// <summary>Rows of images of one size, each shown <paramref name="zoom"/> times larger, with a 2-pixel gap.</summary>
    public static ImageBuffer Create(IReadOnlyList<IReadOnlyList<ImageBuffer>> rows, int zoom = 2)
    {
        int cell = rows[0][0].Width * zoom + 2;
        int width = rows.Max(r => r.Count) * cell;
        int height = rows.Count * cell;
        byte[] pixels = new byte[width * height * 3];
        Array.Fill(pixels, (byte)255);
        for (int r = 0; r < rows.Count; r++)
        {
            for (int c = 0; c < rows[r].Count; c++)
            {
                ImageBuffer image = rows[r][c];
                for (int y = 0; y < image.Height * zoom; y++)
                {
                    for (int x = 0; x < image.Width * zoom; x++)
                    {
                        int from = (y / zoom * image.Width + x / zoom) * image.Channels;
                        int to = ((r * cell + y) * width + c * cell + x) * 3;
                        image.Pixels.AsSpan(from, 3).CopyTo(pixels.AsSpan(to));
                    }
                }
            }
        }

        return new ImageBuffer(width, height, 3, pixels);
    }
}
