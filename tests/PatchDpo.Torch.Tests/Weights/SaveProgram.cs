using PatchDpo.Tests;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Tests.Foundation;
using PatchDpo.Torch.Tests.Training.Data;
using PatchDpo.Torch.Tests.Weights.Safetensors;

namespace PatchDpo.Torch.Tests.Weights;

/// <summary>The entry point of this assembly: a process that stops in the middle of saving a file, or with a folder locked, to be killed there.</summary>
internal static class SaveProgram
{
    public const string Stopped = "stopped";
    public const string Lock = "lock";
    public const string Culture = "culture";
    public const string Train = "train";
    public const string Prepare = "prepare";

    /// <summary>Saves over a file, and stops after some bytes.</summary>
    /// <param name="args">
    /// Format, file, and after how many bytes to stop; <see cref="Lock"/> and a folder; or <see cref="Culture"/>, its name, a model's folder and a
    /// picture to write; <see cref="Train"/> and what <see cref="KilledTraining.Train"/> takes; <see cref="Prepare"/>
    /// and what <see cref="ConditionStoreTests.PrepareInChild"/> takes; nothing when the test runner probes.
    /// </param>
    public static void Main(string[] args)
    {
        if (args is [Lock, string folder])
        {
            using FolderLock taken = FolderLock.Take(folder, "builds");
            Console.WriteLine(Stopped);
            Thread.Sleep(TimeSpan.FromMinutes(1));
        }
        if (args is [Culture, string culture, string model, string file])
            Console.WriteLine(CultureTests.DrawIn(culture, model, file));
        if (args is [nameof(NnpackTests.OneConvolution)])
            NnpackTests.OneConvolution();
        if (args is [Train, .. string[] training])
            KilledTraining.Train(training);
        if (args is [Prepare, string generator, string store, string pairs])
            ConditionStoreTests.PrepareInChild(generator, store, int.Parse(pairs));
        if (args.Length != 3)
            return;
        AtomicFile.Write(args[1], stream => SampleFile.Write(args[0], new LimitedStream(stream, long.Parse(args[2]), () =>
        {
            stream.Flush();
            Console.WriteLine(Stopped);
            Thread.Sleep(TimeSpan.FromMinutes(1));
            throw new TimeoutException("Nobody killed this process.");
        })));
    }
}
