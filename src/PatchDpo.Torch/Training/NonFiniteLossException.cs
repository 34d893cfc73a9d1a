namespace PatchDpo.Torch.Training;

/// <summary>A training loss became NaN or infinite; the last step's parameters are untouched.</summary>
public sealed class NonFiniteLossException : Exception
{
    /// <summary>Creates the exception.</summary>
    /// <param name="step">The step, from 1.</param>
    /// <param name="loss">The loss.</param>
    public NonFiniteLossException(int step, double loss)
        : base($"The loss of step {step} is {loss}. A lower learning rate, or images without extreme values, may help.")
    {
        Step = step;
        Loss = loss;
    }

    /// <summary>The step, from 1.</summary>
    public int Step { get; }

    /// <summary>The loss.</summary>
    public double Loss { get; }
}
