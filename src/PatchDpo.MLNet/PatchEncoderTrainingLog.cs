using System.Globalization;
using Microsoft.ML.Runtime;
using PatchDpo.Torch.PatchEncoders;

namespace PatchDpo.MLNet;

/// <summary>Passes progress on to the caller at every step, and to <c>MLContext.Log</c> about fifty times in a training.</summary>
internal sealed class PatchEncoderTrainingLog(IChannel channel, Action<PatchEncoderProgress>? callback)
{
    private const int Messages = 50;

    private double _lossSum;
    private double _accuracySum;
    private int _steps;

    public void Report(PatchEncoderProgress value)
    {
        _lossSum += value.Loss;
        _accuracySum += value.Accuracy;
        _steps++;
        if (value.Step % Math.Max(1, value.MaxSteps / Messages) == 0 || value.Step == value.MaxSteps)
        {
            channel.Info(MessageSensitivity.None,
                string.Create(CultureInfo.InvariantCulture,
                $"step {value.Step} of {value.MaxSteps}: loss {_lossSum / _steps:F4}, right matches {_accuracySum / _steps:P1}"));
            (_lossSum, _accuracySum, _steps) = (0, 0, 0);
        }
        callback?.Invoke(value);
    }
}
