using System.Globalization;
using PatchDpo.Tests;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Training.Parallel;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Mpi.Tests;

/// <summary>What a test starts as several ranks: this assembly's own entry point.</summary>
internal static class RankProgram
{
    public const string Collectives = "collectives", Hang = "hang", Die = "die", Twice = "twice", Quit = "quit", Train = "train";

    /// <summary>Does one of these things; nothing when the test runner probes.</summary>
    /// <returns>The exit code.</returns>
    public static int Main(string[] args)
    {
        if (args is [Train, .. string[] training])
        {
            TorchRuntime.Initialize();
            return KilledRanks.Train(training);
        }
        if (args.Length == 0)
            return 0;
        TorchRuntime.Initialize();
        MpiProcessGroup? group = null;
        try
        {
            group = MpiProcessGroup.Join(TimeSpan.FromSeconds(2));
            Run(args, group);
            group.Complete();
            return 0;
        }
        catch (Exception e) when (e is PatchDpoException or ObjectDisposedException)
        {
            Console.Error.Write($"{e.GetType().Name} on {MpiLauncher.Find()?.Rank}: {e.Message}\n");
            Console.Error.Flush();
            // Whoever else waits tells what it saw too.
            Thread.Sleep(TimeSpan.FromSeconds(1));
            group?.Abort(7);
            return 7;
        }
    }

    private static void Run(string[] args, MpiProcessGroup group)
    {
        switch (args[0])
        {
            case Collectives:
                RunCollectives(group);
                break;
            case Twice:
                MpiProcessGroup.Join();
                break;
            case Hang when IsChosen():
                Thread.Sleep(Timeout.Infinite);
                break;
            case Die when IsChosen():
                Environment.FailFast("As a fault of native code ends a process.");
                break;
            case Quit when IsChosen():
                Environment.Exit(3);
                break;
            default:
                group.Barrier();
                break;
        }

        bool IsChosen() => int.Parse(args[1], CultureInfo.InvariantCulture) == group.Rank;
    }

    private static void RunCollectives(MpiProcessGroup group)
    {
        using DisposeScope scope = NewDisposeScope();
        long sum = Enumerable.Range(1, group.Size).Sum();
        // The longest goes in three pieces.
        foreach (long length in new[] { 0L, 1, 1000, 20_000_000 })
        {
            Tensor values = arange(length, ScalarType.Float32).remainder_(1024).mul_(group.Rank + 1);
            group.AllReduce(values);
            Require(values.Equals(arange(length, ScalarType.Float32).remainder_(1024).mul_(sum)), $"{length} floats");
        }
        foreach (ScalarType type in new[] { ScalarType.Float64, ScalarType.Int64 })
        {
            Tensor values = full([3, 5], (group.Rank + 1) * 0x1000000001L, type);
            group.AllReduce(values);
            Require(values.Equals(full([3, 5], sum * 0x1000000001L, type)), $"{type}");
        }
        for (int root = 0; root < group.Size; root++)
            foreach (ScalarType type in new[] { ScalarType.Byte, ScalarType.BFloat16, ScalarType.Float32 })
            {
                Tensor values = full([1, 7], group.Rank + 1, type);
                group.Broadcast(values, root);
                Require(values.Equals(full([1, 7], root + 1, type)), $"broadcast of {type} from {root}");
            }
        group.Barrier();
        bool refused = false;
        try
        {
            group.AllReduce(zeros(2, 3).t());
        }
        catch (ArgumentException)
        {
            refused = true;
        }
        Require(refused, "a transposed tensor");
        Console.Out.Write($"rank {group.Rank} of {group.Size}, local {group.LocalRank}\n");
        Console.Out.Flush();
    }

    private static void Require(bool holds, string what)
    {
        if (!holds)
            throw new RankFailedException(0, what);
    }
}
