using System.Globalization;
using Microsoft.ML.Runtime;
using PatchDpo.Torch.Training;
using PatchDpo.Torch.Training.Probes;

namespace PatchDpo.MLNet;

/// <summary>Passes progress on to the caller at every step, and to <c>MLContext.Log</c> about fifty times in a training and at its probes.</summary>
internal sealed class TrainingLog(IChannel channel, Action<TrainingProgress>? callback, IProgress<TrainingProgress>? progress) : IProgress<TrainingProgress>
{
    private const int Messages = 50;

    private double _lossSum;
    private int _steps;

    public void Report(TrainingProgress value)
    {
        _lossSum += value.Loss;
        _steps++;
        if (value.Step % Math.Max(1, value.MaxSteps / Messages) == 0 || value.Step == value.MaxSteps)
        {
            channel.Info(MessageSensitivity.None,
                string.Create(CultureInfo.InvariantCulture,
                $"step {value.Step} of {value.MaxSteps}: loss {_lossSum / _steps:F5}, {value.PairsPerSecond:0.##} pairs a second, "
                + $"{value.Elapsed.TotalSeconds:F0} s, {value.Remaining.TotalSeconds:F0} s left"));
            (_lossSum, _steps) = (0, 0);
        }
        foreach (TrainingProbeResult probe in value.Probes)
            channel.Info(MessageSensitivity.None, string.Create(CultureInfo.InvariantCulture,
                $"probe of step {probe.Step}: {probe.Value:F4}, the best is {probe.BestValue:F4} of step {probe.BestStep}"));
        callback?.Invoke(value);
        progress?.Report(value);
    }
}
