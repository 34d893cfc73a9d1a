using PatchDpo.Torch.Foundation;

namespace PatchDpo.Torch.Tests.Foundation;

public sealed class LibStdCppPatchTests
{
    [Fact]
    public void A_file_that_is_not_ELF_is_refused()
    {
        InvalidDataException e = Assert.Throws<InvalidDataException>(() => LibStdCppPatch.Patch(
            "not a library, but long enough to hold a whole ELF header of 64 bytes"u8.ToArray()));
        Assert.Contains("ELF", e.Message);
    }

    [Fact]
    public void A_truncated_ELF_file_is_refused_without_reading_outside_it()
    {
        byte[] header = new byte[64];
        "\u007fELF\u0002\u0001"u8.CopyTo(header);
        header[0x28] = 200;     // section table behind the end of the file
        header[0x3A] = 64;
        header[0x3C] = 1;
        Assert.Throws<InvalidDataException>(() => LibStdCppPatch.Patch(header));
    }

    [SkippableFact]
    public void Only_the_version_need_and_the_symbol_name_change()
    {
        byte[] original = File.ReadAllBytes(TorchSharpLibrary());
        byte[] patched = (byte[])original.Clone();
        LibStdCppPatch.Patch(patched);

        int different = original.Zip(patched).Count(p => p.First != p.Second);
        // 4 bytes of hash, 4 of the name's offset, 29 of the symbol's name at most.
        Assert.InRange(different, 1, 37);
        // The debugging symbol table, which the loader does not read, keeps its own copy of the name.
        Assert.Equal(original.AsSpan().Count("_ZSt21ios_base_library_initv"u8) - 1, patched.AsSpan().Count("_ZSt21ios_base_library_initv"u8));
        Assert.Equal(original.AsSpan().Count("_ZNSt8ios_base4InitC1Ev\0"u8) + 1, patched.AsSpan().Count("_ZNSt8ios_base4InitC1Ev\0"u8));
    }

    private static string TorchSharpLibrary()
    {
        string? path = Directory.EnumerateFiles(AppContext.BaseDirectory, "libLibTorchSharp.so", SearchOption.AllDirectories)
            .FirstOrDefault(p => p.Contains("linux-x64", StringComparison.Ordinal));
        Skip.If(path is null, "TorchSharp's Linux x64 library is not in the output folder.");
        return path!;
    }
}
