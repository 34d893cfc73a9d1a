using System.Globalization;
using Microsoft.ML;
using Microsoft.ML.Runtime;
using PatchDpo.Torch.Encoders;

namespace PatchDpo.MLNet.Interop;

/// <summary>Warns of prompts that are cut, on ML.NET's channel (<see cref="MLContext.Log"/>): of the first few by name, of the rest by their number.</summary>
/// <param name="env">Gives the channel.</param>
/// <param name="component">Who warns.</param>
internal sealed class TruncationLog(IHostEnvironment env, string component)
{
    private const int Named = 3;

    private long _count;

    /// <summary>How many prompts were cut.</summary>
    public long Count => Interlocked.Read(ref _count);

    /// <summary>Tells of a row whose prompt is cut; after the first few, of their number at every power of ten.</summary>
    public void Tell(string column, long row, TruncatedPrompt prompt)
    {
        long count = Interlocked.Increment(ref _count);
        if (count <= Named)
            Warn($"Row {row}, column '{column}': the prompt is cut: {prompt.Reason}{(count == Named ? " Further ones are counted, not named." : "")}");
        else if (IsPowerOfTen(count))
            Warn(string.Create(CultureInfo.InvariantCulture, $"{count:N0} prompts have been cut so far."));
    }

    /// <summary>Tells of all rows of a data set whose prompts are cut, and of their number.</summary>
    public void TellAll(string column, IReadOnlyList<TruncatedPrompt> prompts)
    {
        Interlocked.Add(ref _count, prompts.Count);
        foreach (TruncatedPrompt prompt in prompts.Take(Named))
            Warn($"Row {prompt.Index}, column '{column}': the prompt is cut: {prompt.Reason}");
        if (prompts.Count > Named)
            Warn(string.Create(CultureInfo.InvariantCulture, $"{prompts.Count:N0} prompts are cut in all."));
    }

    /// <summary>Tells of the negative prompt.</summary>
    public void TellNegative(TruncatedPrompt prompt) => Warn($"The negative prompt is cut: {prompt.Reason}");

    private void Warn(string message)
    {
        // Of the environment itself: a host of its own would take a number from the context's generator, and with it every later seed.
        using IChannel channel = env.Start(component);
        channel.Warning(MessageSensitivity.UserData, message);
    }

    private static bool IsPowerOfTen(long number)
    {
        while (number % 10 == 0)
            number /= 10;
        return number == 1;
    }
}
