using Microsoft.ML;
using PatchDpo.MLNet.Interop;
using PatchDpo.Torch.Images;

namespace PatchDpo.MLNet;

/// <summary>File names in, images out.</summary>
internal sealed class ImageFileLoadingMapping(
    string outputColumnName, string imageFolder, string inputColumnName, ImageDecodeOptions options, bool allowMissing)
    : BatchedMapping<ImageBuffer?, ImageBuffer?>
{
    private readonly DecodedFiles _files = new();

    // Longer than any path that a file system takes.
    private readonly TextInput _path = new(inputColumnName, maxLength: short.MaxValue, allowEmpty: true);

    /// <summary>How many files were decoded so far.</summary>
    public int Decoded => _files.Decoded;

    public string OutputColumnName => outputColumnName;

    public string ImageFolder => imageFolder;

    public string InputColumnName => inputColumnName;

    public ImageDecodeOptions Options => options;

    public bool AllowMissing => allowMissing;

    // Images are large and loading them gains nothing from batches.
    public override int BatchSize => 1;

    public override IReadOnlyList<RowInput> Inputs => [_path];

    public override IReadOnlyList<RowOutput<ImageBuffer?>> Outputs { get; } = [RowOutput.Image<ImageBuffer?>(outputColumnName, size: null, image => image)];

    // The file is read here, where the row is known that an error must name.
    public override Func<ImageBuffer?> Reader(DataViewRow row)
    {
        Func<string?> read = PathReader(row);
        return () => read() is string path ? Load(path, row.Position) : null;
    }

    // And here it is not read at all: whoever needs its pixels does that, on whatever thread.
    public override Func<RowImage?> ImageReader(DataViewRow row, int output)
    {
        Func<string?> read = PathReader(row);
        return () =>
        {
            if (read() is not string path)
                return null;
            long position = row.Position;
            return _files.Find(outputColumnName, path, () => Load(path, position));
        };
    }

    public override IReadOnlyList<ImageBuffer?> Compute(IReadOnlyList<ImageBuffer?> rows) => rows;

    /// <summary>The current row's file; null where it may be missing and is.</summary>
    private Func<string?> PathReader(DataViewRow row)
    {
        Func<string> read = _path.Reader(row);
        return () => read() switch
        {
            "" => allowMissing ? null : throw new InvalidRowException(inputColumnName, row.Position, "the image's path is empty."),
            string path => Path.Combine(imageFolder, path),
        };
    }

    private ImageBuffer Load(string path, long row)
    {
        try
        {
            return _files.Load(path, options);
        }
        catch (Exception e) when (e is InvalidImageException or IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new InvalidRowException(inputColumnName, row, e.Message, e);
        }
    }
}
