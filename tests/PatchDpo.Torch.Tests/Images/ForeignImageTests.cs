using System.Text;
using PatchDpo.Torch.Images;

namespace PatchDpo.Torch.Tests.Images;

/// <summary>What people give as an image and is none that is read: each named as what it is, with the next step.</summary>
public class ForeignImageTests
{
    [Theory]
    [InlineData("\0\0\0\u0018ftypheic\0\0\0\0mif1heic", "HEIC/HEIF", "heif-convert")]
    [InlineData("\0\0\0\u0018ftypmif1\0\0\0\0mif1heic", "HEIC/HEIF", "heif-convert")]
    [InlineData("\0\0\0\u001cftypavif\0\0\0\0avifmif1miaf", "AVIF", "avifdec")]
    [InlineData("\0\0\0\u001cftypmif1\0\0\0\0mif1avifmiaf", "AVIF", "avifdec")]
    [InlineData("\0\0\0\u0018ftypisom\0\0\0\0mp42", "video", "export a frame")]
    [InlineData("<!DOCTYPE html>\n<html><head>", "HTML page", "direct link")]
    [InlineData("\u00EF\u00BB\u00BF  <html lang=en>", "HTML page", "direct link")]
    [InlineData("<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code></Error>", "XML", "download")]
    [InlineData("<?xml version=\"1.0\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\"/>", "SVG", "rsvg-convert")]
    [InlineData("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n", "Git LFS pointer", "git lfs pull")]
    [InlineData("8BPS\0\u0001\0\0\0\0\0\0", "Photoshop", "PNG or TIFF")]
    [InlineData("%PDF-1.7\n", "PDF", "pdftoppm")]
    [InlineData("PK\u0003\u0004\u0014\0\0\0", "zip file", "unpack")]
    [InlineData("\u00FF\n\u00FA\u007F\0\0", "JPEG XL", "djxl")]
    [InlineData("\0\0\0\fjP  \r\n\u0087\n", "JPEG 2000", "opj_decompress")]
    [InlineData("II+\0\b\0\0\0\u0010\0\0\0\0\0\0\0", "BigTIFF", "ordinary TIFF")]
    [InlineData("MM\0+\0\b\0\0\0\0\0\0\0\0\0\u0010", "BigTIFF", "ordinary TIFF")]
    [InlineData("", "no bytes", "get the image again")]
    [InlineData("just some text that goes on for a while", "not an image", "TIFF")]
    public void A_file_is_named_as_what_it_is(string start, string name, string wayOut)
    {
        byte[] bytes = Encoding.Latin1.GetBytes(start);
        InvalidImageException error = Assert.Throws<InvalidImageException>(() => ImageFile.Decode(bytes, "photo.jpg"));
        Assert.Contains("'photo.jpg'", error.Message);
        Assert.Contains(name, error.Message);
        Assert.Contains(wayOut, error.Message);
        Assert.DoesNotContain('\n', error.Message);
    }
}
