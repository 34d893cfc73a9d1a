using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using PatchDpo.Torch.Foundation;

namespace PatchDpo.Torch.Tests.Foundation;

[SupportedOSPlatform("linux")]
public sealed class LibraryImageTests
{
    public static TheoryData<bool> Places => [true, false];

    [SkippableTheory]
    [MemberData(nameof(Places))]
    public void A_library_loads_from_bytes_and_leaves_no_file(bool inMemory)
    {
        byte[] image = File.ReadAllBytes(SmallLibrary());
        string[] before = Temporary();
        FileStream file = inMemory ? LibraryImage.CreateInMemory("small.so") : LibraryImage.CreateUnlinked();
        Assert.Equal(before, Temporary());
        string path = $"/proc/self/fd/{file.SafeFileHandle.DangerousGetHandle()}";
        LibraryImage.Load(image, file);
        Assert.Contains(File.ReadLines("/proc/self/maps"), l => l.EndsWith(inMemory ? "/memfd:small.so (deleted)" : ".so (deleted)", StringComparison.Ordinal));
        // No one else can open what was unlinked; a file in memory has no path at all.
        Assert.Equal(UnixFileMode.None, File.GetUnixFileMode(path) & (UnixFileMode)(inMemory ? 0 : 0b000_111_111));
        Assert.Equal(image, File.ReadAllBytes(path));
    }

    [SkippableFact]
    public void What_is_no_library_is_an_error_with_the_loader_s_reason()
    {
        SmallLibrary();
        Assert.Contains("file too short", Assert.Throws<DllNotFoundException>(() => LibraryImage.Load("text"u8.ToArray(), "text.so")).Message);
    }

    private static string[] Temporary() => [.. Directory.GetFiles(Path.GetTempPath(), "patchdpo-*.so").Order(StringComparer.Ordinal)];

    // Of glibc: it depends on nothing else, and a second copy of it changes nothing.
    private static string SmallLibrary()
    {
        Skip.IfNot(OperatingSystem.IsLinux() && NativeLibrary.TryLoad("libutil.so.1", out nint _), "There is no glibc here.");
        return File.ReadLines("/proc/self/maps").First(l => l.Contains("libutil", StringComparison.Ordinal)) is var line ? line[line.IndexOf('/')..] : "";
    }
}
