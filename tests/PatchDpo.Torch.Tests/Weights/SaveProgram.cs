using PatchDpo.Torch.Weights;

namespace PatchDpo.Torch.Tests.Weights;

/// <summary>The entry point of this assembly: a process that stops in the middle of saving a file, to be killed there.</summary>
internal static class SaveProgram
{
    public const string Stopped = "stopped";

    /// <summary>Saves over a file, and stops after some bytes.</summary>
    /// <param name="args">Format, file, and after how many bytes to stop; nothing when the test runner probes.</param>
    public static void Main(string[] args)
    {
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
