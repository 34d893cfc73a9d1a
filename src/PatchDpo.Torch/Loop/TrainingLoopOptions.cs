namespace PatchDpo.Torch.Loop;

/// <summary>How a <see cref="TrainingLoop"/> trains; whoever makes them has checked the numbers.</summary>
internal sealed record TrainingLoopOptions
{
    /// <summary>Steps of the optimiser, at least 1.</summary>
    public required int MaxSteps { get; init; }

    /// <summary>The rate of a step, which is counted from 1: a function of the step alone.</summary>
    public required Func<int, double> LearningRate { get; init; }

    /// <summary>Batches whose gradients' mean a step takes, at least 1.</summary>
    public int Accumulation { get; init; } = 1;

    /// <summary>The norm of all gradients together that a step takes at most; null: any.</summary>
    public double? MaxGradientNorm { get; init; }

    /// <summary>How many times as long as before gradients may be; a step with longer ones changes nothing. Null: any.</summary>
    public double? SpikeFactor { get; init; }

    /// <summary>Decay of the moving average of the weights, in [0, 1); null: there is none.</summary>
    public double? EmaDecay { get; init; }

    /// <summary>The other processes that take the same steps with other rows; null: there are none.</summary>
    public ILoopPeers? Peers { get; init; }

    /// <summary>The optimiser's other numbers.</summary>
    public AdamWSettings AdamW { get; init; } = new();
}
