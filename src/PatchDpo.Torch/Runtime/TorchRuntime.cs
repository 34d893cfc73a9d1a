using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Runtime;

/// <summary>Prepares libtorch for loading, and chooses devices.</summary>
/// <remarks>
/// TorchSharp 0.107's native library is built against libstdc++ of GCC 13 (GLIBCXX_3.4.32), of which it needs one symbol.
/// On Linux x64 systems with an older libstdc++ (Debian 12, Ubuntu 22.04) a patched copy is loaded from the user's cache
/// folder; no file of the build is touched, and on every other system nothing is done.
/// </remarks>
public static class TorchRuntime
{
    private const string RequiredVersion = "GLIBCXX_3.4.32";
    private static readonly Lock s_gate = new();
    private static bool s_initialized;

    /// <summary>Makes TorchSharp loadable on this system. Runs by itself when this assembly is first used; safe to call again.</summary>
    /// <remarks>An application that touches <c>TorchSharp.torch</c> before any type of this assembly must call it first.</remarks>
    /// <exception cref="TorchLoadException">The native library could not be patched or loaded.</exception>
    public static void Initialize()
    {
        lock (s_gate)
        {
            if (s_initialized)
                return;
            if (OperatingSystem.IsLinux() && RuntimeInformation.ProcessArchitecture == Architecture.X64)
                LoadPatchedIfNeeded();
            s_initialized = true;
        }
    }

    /// <summary>The device to compute on.</summary>
    /// <param name="gpuDeviceId">The CUDA device's index, or null for the CPU (as <c>MLContext.GpuDeviceId</c> has it).</param>
    /// <param name="fallbackToCpu">Whether to take the CPU where that GPU is absent.</param>
    /// <exception cref="InvalidOperationException">The GPU is absent and <paramref name="fallbackToCpu"/> is false.</exception>
    public static Device ResolveDevice(int? gpuDeviceId, bool fallbackToCpu)
    {
        if (gpuDeviceId is not int id)
            return CPU;
        if (cuda_is_available() && id >= 0 && id < cuda.device_count())
            return new Device(DeviceType.CUDA, id);
        return fallbackToCpu
            ? CPU
            : throw new InvalidOperationException($"GPU {id} was asked for, but libtorch sees {(cuda_is_available() ? cuda.device_count() : 0)} CUDA devices and falling back to the CPU is off.");
    }

    [SuppressMessage("Usage", "CA2255:The 'ModuleInitializer' attribute should not be used in libraries",
        Justification = "The cure must run before TorchSharp's static constructor, which any member of this assembly may trigger.")]
    [ModuleInitializer]
    internal static void InitializeModule() => Initialize();

    private static void LoadPatchedIfNeeded()
    {
        if (SystemLibStdCppHas(RequiredVersion))
            return;

        string[] folders = NativeFolders().ToArray();
        // Without natives beside the application, TorchSharp's own message (which package to reference) is the right one.
        if (Find(folders, "libLibTorchSharp.so") is not string original || Find(folders, "libtorch_cpu.so") is null)
            return;

        try
        {
            string patched = LibStdCppPatch.CreatePatchedCopy(original, CacheFolder());
            foreach (string name in new[] { "libc10.so", "libtorch_cpu.so", "libtorch.so" })
                if (Find(folders, name) is string path)
                    NativeLibrary.Load(path);
            NativeLibrary.Load(patched);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or DllNotFoundException or BadImageFormatException or InvalidDataException)
        {
            throw new TorchLoadException(
                $"TorchSharp's native library '{original}' needs {RequiredVersion}, which this system's libstdc++ lacks, and loading a patched copy failed: {e.Message} " +
                $"Either make '{CacheFolder()}' writable (or set XDG_CACHE_HOME to a folder that is), or install a libstdc++ of GCC 13 or newer.", e);
        }
    }

    /// <summary>True where the libstdc++ that the loader picks defines <paramref name="version"/>.</summary>
    private static bool SystemLibStdCppHas(string version)
    {
        if (!NativeLibrary.TryLoad("libstdc++.so.6", out nint _))
            return false;
        string? path = File.ReadLines("/proc/self/maps")
            .Where(l => l.Contains("libstdc++.so.6", StringComparison.Ordinal) && l.Contains('/'))
            .Select(l => l[l.IndexOf('/')..])
            .FirstOrDefault();
        return path is not null && File.ReadAllBytes(path).AsSpan().IndexOf(Encoding.ASCII.GetBytes(version + "\0")) >= 0;
    }

    private static IEnumerable<string> NativeFolders()
    {
        string search = AppContext.GetData("NATIVE_DLL_SEARCH_DIRECTORIES") as string ?? "";
        return search.Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
            .Append(Path.Combine(AppContext.BaseDirectory, "runtimes", "linux-x64", "native"))
            .Append(AppContext.BaseDirectory);
    }

    private static string? Find(string[] folders, string file)
        => folders.Select(f => Path.Combine(f, file)).FirstOrDefault(File.Exists);

    private static string CacheFolder()
    {
        string root = Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } xdg && Path.IsPathRooted(xdg)
            ? xdg
            : Environment.GetEnvironmentVariable("HOME") is { Length: > 0 } home ? Path.Combine(home, ".cache") : Path.GetTempPath();
        return Path.Combine(root, "patchdpo");
    }
}
