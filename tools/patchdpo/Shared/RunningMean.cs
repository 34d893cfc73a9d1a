namespace PatchDpo.Tool.Shared;

/// <summary>A mean over the last values, in which older ones fade.</summary>
/// <param name="length">Over about how many.</param>
internal sealed class RunningMean(int length)
{
    private int _count;

    /// <summary>The mean so far; 0 before the first value.</summary>
    public double Value { get; private set; }

    /// <summary>Takes a value; returns the mean with it.</summary>
    public double Add(double value)
    {
        // A plain mean until there are enough values.
        _count = Math.Min(_count + 1, length);
        return Value += (value - Value) / _count;
    }
}
