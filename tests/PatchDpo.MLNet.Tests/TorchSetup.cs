using System.Runtime.CompilerServices;
using PatchDpo.Torch.Runtime;

namespace PatchDpo.MLNet.Tests;

internal static class TorchSetup
{
    // Tests name TorchSharp types directly, so libtorch is made loadable before the first of them runs.
    [ModuleInitializer]
    internal static void Initialize() => TorchRuntime.Initialize();
}
