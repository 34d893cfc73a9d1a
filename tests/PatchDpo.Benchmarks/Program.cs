using System.CommandLine;
using PatchDpo.Benchmarks;
using PatchDpo.Benchmarks.FullSize;
using PatchDpo.Benchmarks.Speed;
using PatchDpo.Benchmarks.Streaming;
using PatchDpo.Torch.Foundation;

var processorTime = new Option<bool>("--processor-time")
{
    Description = "Of contests: time by this process's processor time, for a busy machine; with OMP_NUM_THREADS=1.", Recursive = true,
};
var keepMemory = new Option<bool>("--keep-memory")
{
    Description = "With TorchRuntime.KeepFreedMemory: freed tensors' memory is kept for the next ones.", Recursive = true,
};
// Each benchmark measures its contestants in turns within one run, so that a ratio holds on a busy machine too.
var root = new RootCommand("Benchmarks of PatchDpo; build with -c Release.")
{
    ResizeBenchmark.Command(),
    SafetensorsBenchmark.Command(),
    CheckpointBenchmark.Command(),
    PatchQualityBenchmark.Command(),
    FullSizeBenchmark.Command(),
    FullStepBenchmark.Command(),
    StepBenchmark.Command(),
    StepBenchmark.ConditionsCommand(),
    StreamingBenchmark.Command(),
    PipelineBenchmark.Command(),
    ManyToManyBenchmark.Command(),
    MaxCosineBenchmark.Command(),
    PrecisionBenchmark.Command(),
    LayoutBenchmark.Command(),
    DecodeBenchmark.Command(),
    GenerationBenchmark.Command(),
    EnginesBenchmark.Command(),
    GrowthBenchmark.Command(),
    PreparationBenchmark.Command(),
    RanksBenchmark.Command(),
};
root.Options.Add(processorTime);
root.Options.Add(keepMemory);
ParseResult arguments = root.Parse(args);
Clock.CountsProcessorTime = arguments.GetValue(processorTime);
if (arguments.GetValue(keepMemory) && !TorchRuntime.KeepFreedMemory())
    Console.WriteLine("freed memory is not kept: the C library is not glibc");
return arguments.Invoke();
