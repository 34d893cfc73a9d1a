using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using System.Text;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Foundation;

/// <summary>Loads libtorch, and chooses devices and threads.</summary>
/// <remarks>
/// TorchSharp 0.107's native library is built against libstdc++ of GCC 13 (GLIBCXX_3.4.32), of which it needs one symbol.
/// On Linux x64 systems with an older libstdc++ (Debian 12, Ubuntu 22.04) a patched copy is made in memory and loaded from there;
/// no file is written or changed, and on every other system nothing is done.
/// </remarks>
public static class TorchRuntime
{
    private const string RequiredVersion = "GLIBCXX_3.4.32";
    private const string Library = "libLibTorchSharp.so";
    private static readonly Lazy<TorchLoadException?> Failure = new(Prepare);
    private static volatile bool s_loaded;

    /// <summary>Loads libtorch. What needs it calls this by itself; safe to call again.</summary>
    /// <remarks>An application that touches <c>TorchSharp.torch</c> before any type of this assembly must call it first.</remarks>
    /// <exception cref="TorchLoadException">libtorch or TorchSharp's native library could not be loaded.</exception>
    public static void Initialize()
    {
        if (s_loaded)
            return;
        if (Failure.Value is TorchLoadException failure)
            throw new TorchLoadException(failure.Message, failure.InnerException);
        try
        {
            RuntimeHelpers.RunClassConstructor(typeof(torch).TypeHandle);
        }
        catch (TypeInitializationException e)
        {
            throw new TorchLoadException($"libtorch could not be loaded: {Reason(e.InnerException ?? e)}", e);
        }
        if (OperatingSystem.IsLinux() && Find(NativeFolders().ToArray(), "libtorch_cpu.so") is string library)
            Nnpack.DisableWhereUnsupported(library);
        s_loaded = true;
    }

    /// <summary>Loads libtorch before a module's base constructor runs, which the module's name is for.</summary>
    /// <exception cref="TorchLoadException">libtorch could not be loaded.</exception>
    internal static string Initialized(string name)
    {
        Initialize();
        return name;
    }

    /// <summary>The device to compute on.</summary>
    /// <param name="gpuDeviceId">The CUDA device's index, or null for the CPU (as <c>MLContext.GpuDeviceId</c> has it).</param>
    /// <param name="fallbackToCpu">Whether to take the CPU where that GPU is absent.</param>
    /// <exception cref="InvalidOperationException">The GPU is absent and <paramref name="fallbackToCpu"/> is false.</exception>
    /// <exception cref="TorchLoadException">libtorch could not be loaded.</exception>
    public static Device ResolveDevice(int? gpuDeviceId, bool fallbackToCpu)
    {
        Initialize();
        if (gpuDeviceId is not int id)
            return CPU;
        if (cuda_is_available() && id >= 0 && id < cuda.device_count())
            return new Device(DeviceType.CUDA, id);
        return fallbackToCpu
            ? CPU
            : throw new InvalidOperationException($"GPU {id} was asked for, but libtorch sees {(cuda_is_available() ? cuda.device_count() : 0)} CUDA "
                + "devices and falling back to the CPU is off.");
    }

    /// <summary>
    /// How many threads compute one operation on the CPU, at least 1. Default: what libtorch takes, which is <c>OMP_NUM_THREADS</c> or one for each core.
    /// </summary>
    /// <remarks>
    /// For a program that does one thing at a time the default is right. A server that computes several requests at once sets
    /// <see cref="ThreadsForCalls"/>: threads that wait for others in one operation keep cores busy that another request could use. Results can differ in
    /// their last bits with the number of threads. Set it before the first computation; it holds for every thread of the process.
    /// </remarks>
    /// <exception cref="ArgumentOutOfRangeException">Below 1.</exception>
    /// <exception cref="TorchLoadException">libtorch could not be loaded.</exception>
    public static int Threads
    {
        get
        {
            Initialize();
            return get_num_threads();
        }
        set
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(value, 1);
            Initialize();
            set_num_threads(value);
        }
    }

    /// <summary>
    /// The value of <see cref="Threads"/> for a server: the processors divided among the requests that are computed at once, at least 1. With as many calls as
    /// processors each computes on one thread, none waits for another, and throughput is that of batches.
    /// </summary>
    /// <param name="concurrentCalls">Requests that are computed at the same time, at least 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">Below 1.</exception>
    public static int ThreadsForCalls(int concurrentCalls)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(concurrentCalls, 1);
        return Math.Max(1, Environment.ProcessorCount / concurrentCalls);
    }

    /// <summary>
    /// Has the C library keep the memory of tensors that are freed for the next ones, in the place of giving it back to the system and asking for it anew.
    /// </summary>
    /// <returns>Whether it does: on Linux with a glibc that does not refuse so large blocks, as old ones do. Elsewhere nothing is changed.</returns>
    /// <remarks>
    /// By default glibc maps each block of more than 32 MiB by itself, and the system has to clear each of its pages again: with large inputs and
    /// batches, above all in virtual machines, that can be half of the time. With this a process stays as large as it once was. It holds for all native
    /// code of the process, and so is for programs that compute, which call it once at the start. Results are the same.
    /// </remarks>
    public static bool KeepFreedMemory() => OperatingSystem.IsLinux() && Glibc.KeepFreedMemory();

    /// <summary>The device of tensors without storage, as models are made that are filled afterwards.</summary>
    internal static Device Meta
    {
        get
        {
            Initialize();
            return META;
        }
    }

    // An exception from here would reach the caller as a TypeInitializationException: Initialize throws it.
    [SuppressMessage("Usage", "CA2255:The 'ModuleInitializer' attribute should not be used in libraries",
        Justification = "The patch must be applied before TorchSharp's static constructor, which any member of this assembly may trigger.")]
    [ModuleInitializer]
    internal static void InitializeModule() => _ = Failure.Value;

    /// <summary>Makes TorchSharp loadable.</summary>
    /// <returns>Why it cannot be made so, or null.</returns>
    private static TorchLoadException? Prepare()
    {
        if (!OperatingSystem.IsLinux() || RuntimeInformation.ProcessArchitecture != Architecture.X64)
            return null;
        string[] folders = NativeFolders().ToArray();
        // Without natives beside the application, TorchSharp's own message (which package to reference) is the right one.
        if (Find(folders, Library) is not string original || Find(folders, "libtorch_cpu.so") is null)
            return null;
        try
        {
            if (!SystemLibStdCppHas(RequiredVersion))
                LoadPatched(original, folders);
            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or TypeLoadException or BadImageFormatException or InvalidDataException)
        {
            return new TorchLoadException(
                $"TorchSharp's native library '{original}' needs {RequiredVersion}, which this system's libstdc++ lacks, and loading a patched copy failed: " +
                $"{OneLine(e)} Installing a libstdc++ of GCC 13 or newer makes the copy unnecessary.", e);
        }
    }

    [SupportedOSPlatform("linux")]
    private static void LoadPatched(string original, string[] folders)
    {
        byte[] image = File.ReadAllBytes(original);
        LibStdCppPatch.Patch(image);
        foreach (string name in new[] { "libc10.so", "libtorch_cpu.so", "libtorch.so" })
            if (Find(folders, name) is string path)
                NativeLibrary.Load(path);
        LibraryImage.Load(image, Library);
    }

    /// <summary>Why TorchSharp did not load: what the system's loader says of its library where there is one, else TorchSharp's advice.</summary>
    private static string Reason(Exception e)
    {
        try
        {
            // With the patched copy loaded, the original's need is not the reason.
            if (OperatingSystem.IsLinux() && SystemLibStdCppHas(RequiredVersion) && Find(NativeFolders().ToArray(), Library) is string path)
                NativeLibrary.Load(path);
        }
        catch (Exception load) when (load is DllNotFoundException or BadImageFormatException)
        {
            return OneLine(load);
        }
        // The trace of every place that was tried follows.
        return e.Message.Split('\n')[0].TrimEnd() + " Consider TorchSharp-cpu, TorchSharp-cuda-linux or TorchSharp-cuda-windows.";
    }

    private static string OneLine(Exception e) => e.Message.ReplaceLineEndings(" ").Trim();

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
        string[] bases = [AppContext.BaseDirectory];
        // In a notebook or a plug-in the application is the host, which lies elsewhere. The location is empty in a single-file application.
        if (Path.GetDirectoryName(typeof(TorchRuntime).Assembly.Location) is { Length: > 0 } own)
            bases = [.. bases, own];
        return search.Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
            .Concat(bases.SelectMany(folder => new[] { Path.Combine(folder, "runtimes", "linux-x64", "native"), folder }));
    }

    private static string? Find(string[] folders, string file)
        => folders.Select(f => Path.Combine(f, file)).FirstOrDefault(File.Exists);
}
