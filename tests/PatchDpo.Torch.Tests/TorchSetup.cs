using System.Runtime.CompilerServices;
using PatchDpo.Torch.Foundation;

namespace PatchDpo.Torch.Tests;

internal static class TorchSetup
{
    // Tests name TorchSharp types directly, so libtorch is made loadable before the first of them runs.
    [ModuleInitializer]
    internal static void Initialize() => TorchRuntime.Initialize();
}
