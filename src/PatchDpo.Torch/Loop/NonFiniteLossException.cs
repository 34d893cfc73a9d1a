using PatchDpo.Torch.Foundation;

namespace PatchDpo.Torch.Loop;

/// <summary>
/// A training loss, or the gradients of one, became NaN or infinite. The step is not taken, and what was given to the training is as it was before.
/// </summary>
public sealed class NonFiniteLossException : PatchDpoException
{
    private const int NamedPairs = 16;

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
        : this(step, loss, $"The loss of step {step} is {loss}; the step is not taken. "
            + $"{cause ?? "A lower learning rate, or images without extreme values, may help."}", [], null)
    {
    }

    private NonFiniteLossException(int step, double loss, string message, IReadOnlyList<long> pairs, Exception? innerException) : base(message, innerException)
    {
        Step = step;
        Loss = loss;
        Pairs = pairs;
    }

    /// <summary>The same of a step that took some pairs.</summary>
    internal NonFiniteLossException For(IReadOnlyList<long> pairs)
        => new(Step, Loss, $"{Message} It took the pairs {string.Join(", ", pairs.Take(NamedPairs))}{(pairs.Count > NamedPairs ? " and others" : "")}.", pairs, this);

    /// <summary>The step, from 1.</summary>
    public int Step { get; }

    /// <summary>The loss.</summary>
    public double Loss { get; }

    /// <summary>The places of the pairs that the step took until then, from 0; empty where a training has none.</summary>
    public IReadOnlyList<long> Pairs { get; }
}
