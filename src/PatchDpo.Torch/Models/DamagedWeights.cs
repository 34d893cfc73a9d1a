using PatchDpo.Torch.Foundation;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Models;

/// <summary>A part with weights that nothing can be computed with; looked for only after numbers have gone wrong.</summary>
/// <param name="Part">The part, at the beginning of a sentence.</param>
/// <param name="Path">The file that its weights came from; null where they came from none.</param>
/// <param name="Key">The first such tensor.</param>
internal sealed record DamagedWeights(string Part, string? Path, string Key)
{
    /// <summary>Looks at a module's parameters; null where all are sound.</summary>
    public static DamagedWeights? Find(string part, nn.Module module)
    {
        foreach ((string name, TorchSharp.Modules.Parameter parameter) in module.named_parameters())
            if (!FiniteOutput.Holds(parameter))
                return new DamagedWeights(part, WeightsOrigin.Of(module), name);
        return null;
    }

    public override string ToString() => $"{Part}{(Path is null ? "" : $" ('{Path}')")} has NaN, infinite numbers or numbers beyond "
        + $"{FiniteOutput.Largest:g} in '{Key}'; the file has to be fetched or made again.";
}
