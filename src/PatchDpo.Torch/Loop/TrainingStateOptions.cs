using PatchDpo.Torch.Foundation;

namespace PatchDpo.Torch.Loop;

/// <summary>Where a training keeps its state, so that it goes on after it was cancelled or killed, and how often.</summary>
/// <remarks>
/// The folder holds a checkpoint in <c>step-00000500</c> and so on: <c>state.safetensors</c> with the trained layers, the optimiser's state and the moving
/// average, and <c>training.json</c> with everything else. A checkpoint is written beside the others and renamed: it is whole, or not there. One
/// process at a time trains with a folder.
/// </remarks>
public sealed record TrainingStateOptions
{
    /// <summary>The folder; it need not be there. Where it holds a checkpoint, the training goes on from the last one.</summary>
    /// <exception cref="ArgumentException">The name is empty.</exception>
    public required string Folder
    {
        get;
        init
        {
            ArgumentException.ThrowIfNullOrEmpty(value);
            field = value;
        }
    }

    /// <summary>
    /// Steps between two checkpoints, at least 1; there is one at the last step, and one where the training is cancelled. Default 500 (diffusers'
    /// <c>checkpointing_steps</c>).
    /// </summary>
    public int Interval { get; init => field = ArgumentRange.Within(value, 1); } = 500;

    /// <summary>How many of the last checkpoints are kept, at least 1. Default 2 (ours): SDXL's have 4 GB each.</summary>
    public int KeepLast { get; init => field = ArgumentRange.Within(value, 1); } = 2;

    /// <summary>Checkpoints whose step is a multiple of this are kept for good, at least 1; null (default): none is.</summary>
    public int? KeepEvery { get; init => field = value is int v ? ArgumentRange.Within(v, 1) : null; }

    /// <summary>The step of the last checkpoint in the folder, from which a training goes on; null where there is none.</summary>
    /// <exception cref="IOException">The folder cannot be read.</exception>
    public int? FindLastStep() => TrainingCheckpoints.LastStep(Folder);
}
