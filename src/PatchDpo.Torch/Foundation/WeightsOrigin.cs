using System.Runtime.CompilerServices;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Foundation;

/// <summary>Remembers which file a module's weights were read from, for messages.</summary>
internal static class WeightsOrigin
{
    // Weak: a name keeps no model alive.
    private static readonly ConditionalWeakTable<nn.Module, string> Paths = [];

    public static void Set(nn.Module module, string path) => Paths.AddOrUpdate(module, path);

    /// <summary>The file; null where the weights came from none.</summary>
    public static string? Of(object module) => module is nn.Module known && Paths.TryGetValue(known, out string? path) ? path : null;
}
