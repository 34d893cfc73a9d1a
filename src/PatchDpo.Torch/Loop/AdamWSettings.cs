namespace PatchDpo.Torch.Loop;

/// <summary>AdamW's numbers beside its rate; the defaults are PyTorch's.</summary>
internal sealed record AdamWSettings
{
    /// <summary>Decay of the gradients' mean, in [0, 1).</summary>
    public double Beta1 { get; init; } = 0.9;

    /// <summary>Decay of the mean of their squares, in [0, 1).</summary>
    public double Beta2 { get; init; } = 0.999;

    /// <summary>Added to the root.</summary>
    public double Epsilon { get; init; } = 1e-8;

    /// <summary>Share of the value that a step at rate 1 takes away.</summary>
    public double WeightDecay { get; init; } = 0.01;
}
