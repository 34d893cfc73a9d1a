namespace PatchDpo.Torch.Tests;

/// <summary>Progress that is told at once, on the reporting thread.</summary>
internal sealed class Recorder<T>(Action<T> action) : IProgress<T>
{
    public void Report(T value) => action(value);
}
