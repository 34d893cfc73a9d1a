using PatchDpo.Torch.Training;

namespace Ablation;

/// <summary>Hands progress on in the same call; <see cref="Progress{T}"/> would do so later, on another thread.</summary>
internal sealed class ImmediateProgress(Action<TrainingProgress> report) : IProgress<TrainingProgress>
{
    public void Report(TrainingProgress value) => report(value);
}
