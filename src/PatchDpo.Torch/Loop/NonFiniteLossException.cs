using PatchDpo.Torch.Foundation;

namespace PatchDpo.Torch.Loop;

/// <summary>
/// A training loss, or the gradients of one, became NaN or infinite. What was given to the training is as it was before: nothing is kept of it.
/// </summary>
public sealed class NonFiniteLossException : PatchDpoException
{
    /// <summary>Creates the exception.</summary>
    /// <param name="step">The step, from 1.</param>
    /// <param name="loss">The loss.</param>
    public NonFiniteLossException(int step, double loss) : this(step, loss, null)
    {
    }

    /// <summary>Creates the exception.</summary>
    /// <param name="step">The step, from 1.</param>
    /// <param name="loss">The loss.</param>
    /// <param name="cause">What is known of the cause, as a sentence; null: nothing.</param>
    internal NonFiniteLossException(int step, double loss, string? cause)
        : base($"The loss of step {step} is {loss}; nothing is kept of the training. "
            + $"{cause ?? "A lower learning rate, or images without extreme values, may help."}")
    {
        Step = step;
        Loss = loss;
    }

    /// <summary>The step, from 1.</summary>
    public int Step { get; }

    /// <summary>The loss.</summary>
    public double Loss { get; }
}
