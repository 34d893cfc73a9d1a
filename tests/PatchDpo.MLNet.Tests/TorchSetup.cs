using System.Runtime.CompilerServices;
using PatchDpo.Torch.Foundation;

namespace PatchDpo.MLNet.Tests;

internal static class TorchSetup
{
    // Tests name TorchSharp types directly, so libtorch is made loadable before the first of them runs. A test starts this assembly where it cannot be.
    [ModuleInitializer]
    internal static void Initialize() => RuntimeHelpers.RunModuleConstructor(typeof(TorchRuntime).Module.ModuleHandle);
}
