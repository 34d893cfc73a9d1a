using System.CommandLine;
using PatchDpo.Benchmarks;
using PatchDpo.Benchmarks.FullSize;
using PatchDpo.Benchmarks.Speed;
using PatchDpo.Benchmarks.Streaming;

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
    DecodeBenchmark.Command(),
    GenerationBenchmark.Command(),
    EnginesBenchmark.Command(),
    GrowthBenchmark.Command(),
    PreparationBenchmark.Command(),
    RanksBenchmark.Command(),
};
return root.Parse(args).Invoke();
