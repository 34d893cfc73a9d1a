using System.Runtime.CompilerServices;
using PatchDpo.Torch.Foundation;

// Samples name files as a user's program does: from the current folder, of which a process has one.
[assembly: CollectionBehavior(DisableTestParallelization = true)]

namespace PatchDpo.Documents.Tests;

internal static class TorchSetup
{
    // Tests name TorchSharp types directly, so libtorch is made loadable before the first of them runs.
    [ModuleInitializer]
    internal static void Initialize() => RuntimeHelpers.RunModuleConstructor(typeof(TorchRuntime).Module.ModuleHandle);
}
