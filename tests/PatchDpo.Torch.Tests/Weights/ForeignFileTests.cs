using System.Text;
using PatchDpo.Tests;
using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.Weights;
using TorchSharp;
using static PatchDpo.Tests.CheckpointBytes;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Weights;

/// <summary>What users give in a weight file's place is named as what it is.</summary>
public sealed class ForeignFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n", "Git LFS pointer", "git lfs pull")]
    [InlineData("<!DOCTYPE html>\n<html class=\"\">", "HTML page", "direct link")]
    [InlineData("\ufeff  <HTML>\n", "HTML page", "direct link")]
    [InlineData("<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code></Error>", "XML document", "download the file again")]
    [InlineData("Entry not found", "it begins with 'Entry not found'", "this is text")]
    [InlineData("[1, 2, 3, 4, 5, 6]", "this is JSON", "neither a safetensors file")]
    [InlineData("{\"hidden_size\": 3}", "weight_map", "a configuration")]
    [InlineData("(dp0\nVw\np1\nI1\ns.", "pickle of protocol 0", "torch.save")]
    [InlineData("", "the file is empty", "fetch it again")]
    public void Text_in_a_weight_files_place_is_named(string content, string what, string next)
        => AssertNamed(Encoding.UTF8.GetBytes(content), what, next);

    [Theory]
    [InlineData("89504E470D0A1A0A0000000D", "a PNG image")]
    [InlineData("FFD8FFE000104A4649460001", "a JPEG image")]
    [InlineData("49492A000800000000000000", "a TIFF image")]
    [InlineData("4D4D002A0000000800000000", "a TIFF image")]
    [InlineData("524946462400000057454250", "a WebP image")]
    [InlineData("000000186674797068656963", "a HEIC or AVIF image")]
    [InlineData("424D360000000000000036000000", "a BMP image")]
    [InlineData("080712077079746F726368", "ONNX", "has no graph")]
    [InlineData("1F8B0808000000000003612E", "gzip", "unpack it")]
    [InlineData("425A683931415926535900", "bzip2", "unpack it")]
    [InlineData("377ABCAF271C0004", "7-Zip", "unpack it")]
    [InlineData("28B52FFD2400010000", "Zstandard", "unpack it")]
    [InlineData("474755460300000001000000", "GGUF", "safetensors file that it was made from")]
    [InlineData("894844460D0A1A0A00000000", "HDF5", "PyTorch or safetensors")]
    [InlineData("934E554D50590100760000", "NumPy array", "PyTorch or safetensors")]
    public void Other_formats_are_named(string hex, string what, string next = "not a weight file") => AssertNamed(Convert.FromHexString(hex), what, next);

    [Fact]
    public void A_tar_file_is_named()
    {
        byte[] tar = new byte[1024];
        "model/config.json"u8.CopyTo(tar);
        "ustar"u8.CopyTo(tar.AsSpan(257));
        AssertNamed(tar, "tar", "unpack it");
    }

    [Fact]
    public void TorchScript_is_named_though_its_code_is_compressed()
    {
        byte[] pickle = new SamplePickle().Op("}").Stop();
        AssertNamed(
            Archive(
                new ZipEntry("m/data.pkl", pickle), new ZipEntry("m/code/__torch__/linear.py", Floats) { Method = 8 }, new ZipEntry(
                    "m/code/__torch__/linear.py.debug_pkl", Floats) { Method = 8 },
                new ZipEntry("m/constants.pkl", new SamplePickle().Op(")").Stop()), new ZipEntry("m/version", "6\n"u8.ToArray())),
            "this is TorchScript", "state_dict()");
        AssertNamed(Archive(new ZipEntry("unet/config.json", Floats) { Method = 8 }), "zip file, not a checkpoint", "unpack it");
    }

    [Fact]
    public void A_folder_in_a_files_place_names_the_weight_files_in_it()
    {
        using DisposeScope scope = NewDisposeScope();
        string folder = Directory.CreateDirectory(_folder.File("models")).FullName;
        Assert.Contains("this is a folder, and there is no weight file in it", Assert.Throws<WeightsFormatException>(() => WeightsFile.Open(folder)).Message,
            StringComparison.Ordinal);
        foreach (string name in new[] { "b.bin", "a.safetensors", "notes.txt" })
            File.WriteAllBytes(Path.Combine(folder, name), []);
        WeightsFormatException e = Assert.Throws<WeightsFormatException>(() => PatchEncoder.FromFile(folder));
        Assert.Equal($"'{folder}': this is a folder; name the weight file in it: 'a.safetensors', 'b.bin'.", e.Message);
    }

    [Fact]
    public void A_file_in_a_folders_place_says_so()
    {
        string path = _folder.Write("dino.pth", [1, 2, 3]);
        Assert.Contains("is a file, not a model's folder", Assert.Throws<ModelFileNotFoundException>(() => PatchEncoder.FromFolder(path)).Message,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer")]
    [InlineData("<!doctype html><html></html>", "HTML page")]
    [InlineData("", "the file is empty")]
    public void A_configurations_place_taken_by_something_else_is_named(string content, string what)
    {
        string path = _folder.Write("config.json", Encoding.UTF8.GetBytes(content));
        ModelConfigException e = Assert.Throws<ModelConfigException>(() => ModelConfig.Read(path));
        Assert.Contains(what, e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', e.Message);
    }

    private void AssertNamed(byte[] content, string what, string next)
    {
        string path = _folder.Write("model.safetensors", content);
        WeightsFormatException e = Assert.Throws<WeightsFormatException>(() => WeightsFile.Open(path));
        Assert.StartsWith($"'{path}'", e.Message, StringComparison.Ordinal);
        Assert.Contains(what, e.Message, StringComparison.Ordinal);
        Assert.Contains(next, e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', e.Message);
    }
}
