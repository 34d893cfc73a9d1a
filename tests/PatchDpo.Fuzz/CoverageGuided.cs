using System.Runtime.InteropServices;
using SharpFuzz.Common;

namespace PatchDpo.Fuzz;

/// <summary>Takes the inputs from afl-fuzz, which sees through SharpFuzz's instrumentation which parts of the readers each of them reaches.</summary>
internal static unsafe class CoverageGuided
{
    private const int MapLength = 1 << 16;

    /// <summary>Gives the instrumentation somewhere to count before afl-fuzz does; call it before anything of the readers runs.</summary>
    public static void Prepare() => Trace.SharedMem = (byte*)NativeMemory.AllocZeroed(MapLength);

    /// <summary>Writes the target's sound inputs as files, for afl-fuzz to begin with; of sharded ones the index.</summary>
    public static void WriteCorpus(Target target, string folder)
    {
        Directory.CreateDirectory(folder);
        for (int i = 0; i < target.Corpus.Count; i++)
            File.WriteAllBytes(Path.Combine(folder, $"{target.Name}-{i}"), target.Corpus[i].Files[0].Bytes);
    }

    /// <summary>Reads inputs until afl-fuzz ends the process; a finding is an exception, which it takes for a crash.</summary>
    public static void Run(Target target, string folder)
    {
        Sample shape = target.Corpus[0];
        // Loads and compiles what is needed, which is no input's fault.
        target.Try(shape, folder);
        SharpFuzz.Fuzzer.Run(stream =>
        {
            using MemoryStream bytes = new();
            stream.CopyTo(bytes);
            if (target.Try(shape.With(0, bytes.ToArray()), folder).Fault is { } fault)
                throw new InvalidOperationException(fault);
        });
    }
}
