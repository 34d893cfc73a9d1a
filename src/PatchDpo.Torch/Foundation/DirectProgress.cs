namespace PatchDpo.Torch.Foundation;

/// <summary>Progress that is told at once, on the reporting thread; <see cref="Progress{T}"/> tells it later, on another.</summary>
/// <typeparam name="T">What is told.</typeparam>
/// <param name="report">Told.</param>
public sealed class DirectProgress<T>(Action<T> report) : IProgress<T>
{
    /// <inheritdoc/>
    public void Report(T value) => report(value);
}
