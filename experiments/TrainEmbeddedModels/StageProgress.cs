using System.Diagnostics;

namespace TrainEmbeddedModels;

/// <summary>Prints mean losses and the time of a step; saves a checkpoint with each line.</summary>
internal sealed class StageProgress(TrainingContext context, string stage, MixedPrecisionAdamW optimizer, string checkpoint, int every = 100)
{
    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private double _sum;
    private int _count;

    /// <summary>Adds a step's loss.</summary>
    public void Add(double loss)
    {
        _sum += loss;
        _count++;
        if (optimizer.Steps % every != 0)
            return;
        context.Log($"{stage}: step {optimizer.Steps} of {optimizer.TotalSteps}, loss {_sum / _count:F4}, {_clock.Elapsed.TotalMilliseconds / _count:F0} ms a step");
        optimizer.Save(context.WorkFile(checkpoint));
        _sum = 0;
        _count = 0;
        _clock.Restart();
    }
}
