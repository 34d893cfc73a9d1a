using PatchDpo.Torch.Foundation;

namespace PatchDpo.Torch.DataConstruction;

/// <summary>A process's share of the drawing for a data set (<see cref="PairBuilder.Draw"/>).</summary>
public sealed record PairShard
{
    /// <summary>How many shares there are, at least 1.</summary>
    public required int Count { get; init => field = ArgumentRange.Within(value, 1); }

    /// <summary>Which one it is, from 0.</summary>
    public required int Index { get; init => field = ArgumentRange.Within(value, 0); }

    /// <summary>Whether drawing ends only when all shares are drawn. Default false: when the own one is.</summary>
    public bool WaitsForAll { get; init; }

    /// <summary>Called again and again while others are waited for, with their indices; what it throws comes through. Null (default): none.</summary>
    public Action<IReadOnlyList<int>>? Waiting { get; init; }

    /// <summary>Checks what no single property can.</summary>
    /// <exception cref="ArgumentException">There is no such share.</exception>
    internal void Validate()
    {
        if (Index >= Count)
            throw new ArgumentException($"There is no share {Index} of {Count}: they are counted from 0.");
    }
}
