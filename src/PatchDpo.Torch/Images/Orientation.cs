namespace PatchDpo.Torch.Images;

/// <summary>Turns an image upright by its EXIF orientation.</summary>
internal static class Orientation
{
    /// <summary>Applies EXIF values 1..8: bits of (value - 1) tell mirrored and turned; 5 to 8 swap the sides.</summary>
    public static ImageBuffer Apply(ImageBuffer image, int orientation)
    {
        if (orientation is < 2 or > 8)
            return image;
        bool swapped = orientation >= 5;
        int width = swapped ? image.Height : image.Width;
        int height = swapped ? image.Width : image.Height;
        // In the stored image: does the upright x (or, when swapped, y) run against its columns, and against its rows?
        bool flipColumns = orientation is 2 or 3 or 7 or 8;
        bool flipRows = orientation is 3 or 4 or 6 or 7;
        int channels = image.Channels;
        byte[] output = new byte[image.Pixels.Length];
        int target = 0;
        for (int y = 0; y < height; y++)
        {
            for (int x = 0; x < width; x++)
            {
                int column = swapped ? y : x;
                int row = swapped ? x : y;
                if (flipColumns)
                    column = image.Width - 1 - column;
                if (flipRows)
                    row = image.Height - 1 - row;
                int source = ((row * image.Width) + column) * channels;
                for (int c = 0; c < channels; c++)
                    output[target++] = image.Pixels[source + c];
            }
        }

        return new ImageBuffer(width, height, channels, output);
    }
}
