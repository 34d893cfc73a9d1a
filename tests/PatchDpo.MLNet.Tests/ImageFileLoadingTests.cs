using System.Buffers.Binary;
using Microsoft.ML;
using Microsoft.ML.Data;
using PatchDpo.MLNet.Tests.Support;
using PatchDpo.Torch.Images;

namespace PatchDpo.MLNet.Tests;

public sealed class ImageFileLoadingTests : IDisposable
{
    private readonly MLContext _ml = new(1);
    private readonly ImageFolder _folder = new(3);

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void It_passes_what_MLNET_checks_of_its_own()
        => EstimatorCheck.Run(_ml, _ml.PatchDpo.LoadImages("Image", null, "ImagePath"), _folder.Rows(_ml, 3), TestImages.Rows(_ml, 1));

    [Fact]
    public void It_reads_the_pixels_that_MLNET_reads()
    {
        IDataView rows = _folder.Rows(_ml, 3);
        IDataView ours = _ml.PatchDpo.LoadImages("Image", null, "ImagePath").Fit(rows).Transform(rows);
        IDataView theirs = _ml.Transforms.LoadImages("Image", null, "ImagePath").Fit(rows).Transform(rows);
        Assert.Equal(
            theirs.GetColumn<MLImage>("Image").Select(i => i.GetBGRPixels.ToArray()),
            ours.GetColumn<MLImage>("Image").Select(i => i.GetBGRPixels.ToArray()));
    }

    [Fact]
    public void Formats_that_MLNET_does_not_read_are_read_here()
    {
        ImageBuffer image = ImageFile.Load(Path.Combine(_folder.Path, "0.png"));
        foreach (ImageFormat format in Enum.GetValues<ImageFormat>())
            ImageFile.Save(Path.Combine(_folder.Path, "same" + format.Ending()), image.ToRgb(), format);
        IDataView rows = Rows([.. Enum.GetValues<ImageFormat>().Select(f => "same" + f.Ending())]);
        IDataView view = _ml.PatchDpo.LoadImages("Image", _folder.Path, "ImagePath").Fit(rows).Transform(rows);
        Assert.Single(view.GetColumn<MLImage>("Image").Select(i => Convert.ToHexString(i.Pixels)).Distinct());
    }

    [Fact]
    public void Colours_under_alpha_0_count_as_they_do_without_ml_net()
    {
        byte[] pixels = new byte[64 * 48 * 4];
        new Random(8).NextBytes(pixels);
        for (int i = 3; i < pixels.Length; i += 12)
            pixels[i] = 0;
        var cutOut = new ImageBuffer(64, 48, 4, pixels);
        ImageFile.SavePng(Path.Combine(_folder.Path, "cutout.png"), cutOut);
        ImageFile.SavePng(Path.Combine(_folder.Path, "opaque.png"), cutOut.ToRgb());
        IDataView rows = Rows("cutout.png", "opaque.png");
        IDataView view = _ml.PatchDpo.LoadImages("Image", _folder.Path, "ImagePath")
            .Append(_ml.PatchDpo.EmbedImages("Embedding", ImageEncoder.Embedded, "Image")).Fit(rows).Transform(rows);
        float[][] embeddings = [.. view.GetColumn<float[]>("Embedding")];
        Assert.Equal(embeddings[1], embeddings[0]);
    }

    [Fact]
    public void Relative_paths_start_from_the_folder()
    {
        IDataView rows = Rows("2.png");
        IDataView view = _ml.PatchDpo.LoadImages("Image", _folder.Path, "ImagePath").Fit(rows).Transform(rows);
        Assert.Equal(TestImages.Size, view.GetColumn<MLImage>("Image").Single().Width);
    }

    [Theory]
    [InlineData("missing.png", typeof(FileNotFoundException))]
    [InlineData("text.png", typeof(InvalidImageException))]
    [InlineData("empty.png", typeof(InvalidImageException))]
    [InlineData("cut.png", typeof(InvalidImageException))]
    [InlineData("huge.png", typeof(ImageTooLargeException))]
    [InlineData(".", typeof(InvalidImageException))]
    public void A_bad_file_names_itself_and_its_row(string file, Type cause)
    {
        WriteBadFiles();
        IDataView rows = Rows("0.png", "1.png", file);
        IDataView view = _ml.PatchDpo.LoadImages("Image", _folder.Path, "ImagePath").Fit(rows).Transform(rows);
        InvalidRowException e = Assert.Throws<InvalidRowException>(() => view.GetColumn<MLImage>("Image").Count());
        Assert.Equal((2, "ImagePath"), (e.Row, e.Column));
        Assert.IsType(cause, e.InnerException);
        Assert.Contains(Path.Combine(_folder.Path, file), e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_empty_path_names_its_row()
    {
        IDataView rows = Rows("");
        IDataView view = _ml.PatchDpo.LoadImages("Image", _folder.Path, "ImagePath").Fit(rows).Transform(rows);
        Assert.Contains("path is empty", Assert.Throws<InvalidRowException>(() => view.GetColumn<MLImage>("Image").Count()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_empty_path_is_a_missing_image_on_request_also_after_saving()
    {
        IDataView rows = Rows("0.png", "", "1.png");
        ITransformer model = _ml.PatchDpo.LoadImages("Image", _folder.Path, "ImagePath", allowMissing: true).Fit(rows);
        foreach (ITransformer transformer in new[] { model, EstimatorCheck.Reload(_ml, model, rows.Schema, out _) })
            Assert.Equal([true, false, true], transformer.Transform(rows).GetColumn<MLImage?>("Image").Select(i => i is not null));
        IDataView absent = Rows("none.png");
        Assert.Throws<InvalidRowException>(() => model.Transform(absent).GetColumn<MLImage?>("Image").Count());
    }

    [Fact]
    public void Limits_are_kept_by_a_saved_model()
    {
        IDataView rows = Rows("0.png");
        ITransformer model = _ml.PatchDpo.LoadImages("Image", _folder.Path, "ImagePath", new ImageDecodeOptions { MaxSide = 10 }).Fit(rows);
        ITransformer loaded = EstimatorCheck.Reload(_ml, model, rows.Schema, out _);
        InvalidRowException e = Assert.Throws<InvalidRowException>(() => loaded.Transform(rows).GetColumn<MLImage>("Image").Count());
        Assert.IsType<ImageTooLargeException>(e.InnerException);
    }

    [Fact]
    public void Without_registration_loading_fails_and_with_it_a_new_context_loads()
    {
        IDataView rows = Rows("0.png");
        using var stream = new MemoryStream();
        _ml.Model.Save(_ml.PatchDpo.LoadImages("Image", _folder.Path, "ImagePath").Fit(rows), rows.Schema, stream);
        Assert.ThrowsAny<Exception>(() => new MLContext().Model.Load(new MemoryStream(stream.ToArray()), out _));
        var other = new MLContext();
        PatchDpoComponents.Register(other);
        PatchDpoComponents.Register(other);
        Assert.IsType<ImageFileLoadingTransformer>(other.Model.Load(new MemoryStream(stream.ToArray()), out _));
    }

    private IDataView Rows(params string[] paths)
        => _ml.Data.LoadFromEnumerable(paths.Select(p => new ImageFolder.PathRow { ImagePath = p }).ToArray());

    private void WriteBadFiles()
    {
        byte[] png = File.ReadAllBytes(_folder.File(0));
        File.WriteAllText(Path.Combine(_folder.Path, "text.png"), "this is no image");
        File.WriteAllBytes(Path.Combine(_folder.Path, "empty.png"), []);
        File.WriteAllBytes(Path.Combine(_folder.Path, "cut.png"), png[..(png.Length / 2)]);
        // 60,000 x 60,000 pixels, by the header: width and height stand at byte 16, their checksum at byte 29.
        BinaryPrimitives.WriteInt32BigEndian(png.AsSpan(16), 60_000);
        BinaryPrimitives.WriteInt32BigEndian(png.AsSpan(20), 60_000);
        BinaryPrimitives.WriteUInt32BigEndian(png.AsSpan(29), Crc(png.AsSpan(12, 17)));
        File.WriteAllBytes(Path.Combine(_folder.Path, "huge.png"), png);
    }

    private static uint Crc(ReadOnlySpan<byte> bytes)
    {
        uint crc = uint.MaxValue;
        foreach (byte b in bytes)
        {
            crc ^= b;
            for (int bit = 0; bit < 8; bit++)
                crc = (crc & 1) != 0 ? (crc >> 1) ^ 0xEDB88320 : crc >> 1;
        }
        return ~crc;
    }
}
