using System.Diagnostics;
using PatchDpo.Tests;
using PatchDpo.Torch.Models;

namespace PatchDpo.MLNet.Tests.Runtime;

/// <summary>How libtorch loads in processes whose home, temporary folder or libraries are not as they should be.</summary>
public sealed class TorchLoadTests : IDisposable
{
    private const string Library = "libLibTorchSharp.so";
    private readonly string _folder = Directory.CreateTempSubdirectory("patchdpo-tests").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    public static TheoryData<string?, string?, string?> Places => new()
    {
        // HOME, XDG_CACHE_HOME, TMPDIR: FILE is a file, FOLDER is one that can be written, null is unset.
        { null, null, null },
        { "FILE", null, null },
        { "/proc", "/proc", "FOLDER" },
        { "", "", "/proc" },
        { "/nonexistent", "/nonexistent", "/nonexistent" },
        { "FOLDER", "FOLDER", "FOLDER" },
    };

    [SkippableTheory]
    [MemberData(nameof(Places))]
    public void Torch_loads_whatever_home_and_temporary_folder_are_and_leaves_nothing_there(string? home, string? cache, string? temporary)
    {
        SkipElsewhere();
        string file = Path.Combine(_folder, "file"), empty = Directory.CreateDirectory(Path.Combine(_folder, "empty")).FullName;
        File.WriteAllText(file, "");
        ProcessStartInfo start = ChildProcess.PrepareSelf(TorchProbe.Compute);
        // What the runtime itself would write there.
        start.Environment["DOTNET_EnableDiagnostics"] = "0";
        foreach ((string name, string? value) in new[] { ("HOME", home), ("XDG_CACHE_HOME", cache), ("TMPDIR", temporary) })
            Set(start, name, value switch { "FILE" => file, "FOLDER" => empty, _ => value });
        (int exitCode, string[] output, string[] errors) = ChildProcess.Run(start);
        Assert.True(exitCode == 0, string.Join('\n', errors));
        Assert.Equal("6", output[0]);
        Assert.Empty(Directory.EnumerateFileSystemEntries(empty));
    }

    [SkippableTheory]
    [InlineData("flipped")]
    [InlineData("zeroed")]
    [InlineData("cut short")]
    [InlineData("linked")]
    public void A_library_that_lies_where_copies_once_lay_is_not_loaded(string kind)
    {
        SkipElsewhere();
        byte[] original = File.ReadAllBytes(Directory.EnumerateFiles(AppContext.BaseDirectory, Library, SearchOption.AllDirectories).First());
        byte[] planted = kind switch
        {
            "flipped" => [.. original.Select((b, i) => i > 100_000 && i % 7 == 0 ? (byte)~b : b)],
            "zeroed" => new byte[original.Length],
            "cut short" => original[..(original.Length / 2)],
            _ => original,
        };
        string key = Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(original))[..32];
        ProcessStartInfo start = ChildProcess.PrepareSelf(TorchProbe.Compute);
        foreach ((string variable, string place) in new[] { ("HOME", "home/.cache"), ("XDG_CACHE_HOME", "xdg"), ("TMPDIR", "tmp") })
        {
            string folder = Path.Combine(_folder, place, "patchdpo", key), real = Path.Combine(_folder, "real", variable);
            Directory.CreateDirectory(kind == "linked" ? Path.GetDirectoryName(folder)! : folder);
            if (kind == "linked")
                Directory.CreateSymbolicLink(folder, Directory.CreateDirectory(real).FullName);
            File.WriteAllBytes(Path.Combine(folder, Library), planted);
            start.Environment[variable] = Path.Combine(_folder, place.Split('/')[0]);
        }
        foreach (bool shared in new[] { false, true })
        {
            if (shared)
            {
                Set(start, "HOME", null);
                Set(start, "XDG_CACHE_HOME", null);
            }
            (int exitCode, string[] output, string[] errors) = ChildProcess.Run(start);
            Assert.True(exitCode == 0, string.Join('\n', errors));
            Assert.Equal("6", output[0]);
            Assert.DoesNotContain(output, l => l.Contains(_folder, StringComparison.Ordinal));
        }
    }

    [SkippableFact]
    public void Whatever_is_called_first_says_in_itself_that_torch_cannot_be_loaded()
    {
        SkipElsewhere();
        (int exitCode, string[] output, string[] errors) = ChildProcess.Run(Broken(typeof(TorchLoadTests).Assembly.GetName().Name!, TorchProbe.CallEverything));
        Assert.True(output.Length == 0, string.Join('\n', output));
        Assert.True(exitCode == 0, string.Join('\n', errors));
    }

    [SkippableTheory]
    [InlineData("generate", "{generator}", "--prompt", "a cat", "--reference", "{image}", "--output", "{folder}/out")]
    [InlineData("evaluate", "{folder}", "--dreambench", "{folder}", "--embedded", "--allow-missing")]
    public void A_command_says_in_one_line_that_torch_cannot_be_loaded(params string[] arguments)
    {
        SkipElsewhere();
        string image = Path.Combine(_folder, "photo.png");
        PatchDpo.Torch.Images.ImageFile.SavePng(image, new PatchDpo.Torch.Images.ImageBuffer(64, 64, 3, new byte[64 * 64 * 3]));
        (int exitCode, _, string[] errors) = ChildProcess.Run(Broken("patchdpo",
            [.. arguments.Select(a => a.Replace("{generator}", EmbeddedModels.Generator).Replace("{image}", image).Replace("{folder}", _folder))]));
        Assert.True(exitCode == 2, string.Join('\n', errors));
        Assert.Contains(Library, errors[^1]);
        Assert.DoesNotContain(errors, e => e.StartsWith("   at ", StringComparison.Ordinal));
    }

    /// <summary>A program in a copy of this test's folder where TorchSharp's library is a text.</summary>
    private ProcessStartInfo Broken(string program, params string[] arguments)
    {
        string copy = Path.Combine(_folder, "copy");
        foreach (string path in Directory.EnumerateFiles(AppContext.BaseDirectory, "*", SearchOption.AllDirectories))
        {
            string target = Path.Combine(copy, Path.GetRelativePath(AppContext.BaseDirectory, path));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            if (Path.GetFileName(path) == Library)
                File.WriteAllText(target,
                    "version https://git-lfs.github.com/spec/v1 oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393");
            else if (path.Contains(Path.DirectorySeparatorChar + "native" + Path.DirectorySeparatorChar, StringComparison.Ordinal))
                File.CreateSymbolicLink(target, path);
            else
                File.Copy(path, target);
        }
        ProcessStartInfo start = ChildProcess.Prepare(copy, program, arguments);
        // TorchSharp looks there for libraries that the application lacks.
        start.Environment["NUGET_PACKAGES"] = Path.Combine(_folder, "packages");
        return start;
    }

    private static void Set(ProcessStartInfo start, string name, string? value)
    {
        if (value is null)
            start.Environment.Remove(name);
        else
            start.Environment[name] = value;
    }

    private static void SkipElsewhere() => Skip.IfNot(OperatingSystem.IsLinux(), "Home, temporary folder and maps are Linux's here.");
}
