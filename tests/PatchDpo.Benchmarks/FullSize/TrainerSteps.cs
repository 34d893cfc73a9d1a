using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Pairs;
using PatchDpo.Torch.Personalization;
using PatchDpo.Torch.Training;
using PatchDpo.Torch.Training.Data;

namespace PatchDpo.Benchmarks.FullSize;

/// <summary>The public trainer's steps on pairs that are prepared once.</summary>
internal sealed class TrainerSteps : IDisposable
{
    private readonly List<double> _seconds = [];
    private readonly PatchDpoTrainer _trainer;
    private readonly PreparedPairs _pairs;
    private double _last;

    /// <param name="model">Stays the caller's.</param>
    /// <param name="pairs">A step's pairs.</param>
    /// <param name="side">The images' side in pixels.</param>
    /// <param name="steps">Steps that are taken together; the first is not measured, for it waits for what is done once.</param>
    /// <param name="store">A folder for what is encoded; null: in memory.</param>
    public TrainerSteps(PersonalizedModel model, TrainingPair[] pairs, int side, int steps, string? store = null)
    {
        _trainer = new PatchDpoTrainer(model, new PatchDpoTrainerOptions
        {
            MaxSteps = steps + 1,
            BatchSize = pairs.Length,
            LearningRate = DirectSteps.LearningRate,
            Size = side,
            Store = store is null ? null : new ConditionStoreOptions { Folder = store },
            Progress = new DirectProgress<TrainingProgress>(_ =>
            {
                _seconds.Add(Clock.Now - _last);
                _last = Clock.Now;
            }),
        });
        double start = Clock.Now;
        _pairs = _trainer.Prepare(pairs);
        Preparation = Clock.Now - start;
    }

    /// <summary>The seconds that encoding the pairs took, once.</summary>
    public double Preparation { get; }

    /// <summary>Trains.</summary>
    /// <returns>The seconds of each step but the first.</returns>
    public double[] Take()
    {
        _seconds.Clear();
        _last = Clock.Now;
        _trainer.Train(_pairs).Dispose();
        return [.. _seconds.Skip(1)];
    }

    public void Dispose() => _pairs.Dispose();
}
