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
        Func<string> read = _path.Reader(row);
        return () =>
        {
            string path = read();
            if (path.Length == 0)
                return allowMissing ? null : throw new InvalidRowException(inputColumnName, row.Position, "the image's path is empty.");
            try
            {
                return _files.Load(Path.Combine(imageFolder, path), options);
            }
            catch (Exception e) when (e is InvalidImageException or IOException or UnauthorizedAccessException or ArgumentException)
            {
                throw new InvalidRowException(inputColumnName, row.Position, e.Message, e);
            }
        };
    }

    public override IReadOnlyList<ImageBuffer?> Compute(IReadOnlyList<ImageBuffer?> rows) => rows;
}
