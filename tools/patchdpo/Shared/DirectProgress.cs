namespace PatchDpo.Tool.Shared;

/// <summary>Progress that is told at once, on the reporting thread; <see cref="Progress{T}"/> tells it later, on another.</summary>
internal sealed class DirectProgress<T>(Action<T> report) : IProgress<T>
{
    public void Report(T value) => report(value);
}
