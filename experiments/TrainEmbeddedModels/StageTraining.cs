using System.Diagnostics;
using PatchDpo.Torch.Loop;
using PatchDpo.Torch.Weights.Safetensors;
using static TorchSharp.torch;

namespace TrainEmbeddedModels;

/// <summary>
/// A stage's way through the library's training loop: bfloat16 modules with float32 weights, about four times as fast on a CPU with AVX-512 BF16.
/// </summary>
/// <param name="Name">For the printed lines and the checkpoint's file.</param>
/// <param name="Steps">Steps of the whole stage.</param>
/// <param name="LearningRate">The highest rate; it rises along a line and falls along a cosine to zero.</param>
/// <param name="EmaDecay">Of the average of the weights, which the stage gives.</param>
/// <param name="Warmup">Steps of the rise.</param>
/// <param name="Every">Steps between two printed lines and checkpoints.</param>
/// <param name="Resumes">Whether it goes on from a checkpoint.</param>
internal sealed record StageTraining(string Name, int Steps, double LearningRate, double EmaDecay, int Warmup = 100, int Every = 100, bool Resumes = true)
{
    private const double Beta2 = 0.99;

    /// <summary>Trains all parameters of float32 modules; they end as the average of their weights, in float32.</summary>
    /// <param name="context">Where it prints and saves.</param>
    /// <param name="modules">The modules.</param>
    /// <param name="loss">The loss of a step, from 1, with gradient, of the modules in bfloat16.</param>
    public void Run(TrainingContext context, IReadOnlyList<nn.Module> modules, Func<int, Tensor> loss)
    {
        using var master = new MasterWeights(modules);
        using var loop = new TrainingLoop(master, new TrainingLoopOptions
        {
            MaxSteps = Steps,
            LearningRate = Rate,
            MaxGradientNorm = 1,
            EmaDecay = EmaDecay,
            AdamW = new AdamWSettings { Beta2 = Beta2 },
        });
        string checkpoint = context.WorkFile($"{Name}.checkpoint.safetensors");
        if (Resumes && File.Exists(checkpoint))
            Load(loop, checkpoint);
        context.Log($"{Name}: {master.Values.Sum(v => v.Value.numel()):N0} parameters, {Steps} steps");

        var clock = Stopwatch.StartNew();
        var losses = new List<double>();
        loop.Run((step, _) => loss(step), done =>
        {
            losses.Add(done.Loss);
            if (done.Step % Every != 0)
                return;
            context.Log($"{Name}: step {done.Step} of {Steps}, loss {losses.Average():F4}, {clock.Elapsed.TotalMilliseconds / losses.Count:F0} ms a step");
            Save(loop, checkpoint);
            losses.Clear();
            clock.Restart();
        });
        loop.UseAverage();
        master.Finish();
        foreach (nn.Module module in modules)
            module.eval();
    }

    private double Rate(int step) => LearningRate * Math.Min(1, step / (double)Warmup) * 0.5 * (1 + Math.Cos(Math.PI * Math.Min(1, step / (double)Steps)));

    // Counters become tensors of one number, beside the others.
    private static void Save(TrainingLoop loop, string path)
    {
        using var scope = NewDisposeScope();
        TrainingState state = loop.State;
        SafetensorsWriter.Write(path, state.Tensors.Concat(state.Numbers.ToDictionary(n => n.Key, n => tensor(new[] { n.Value }))).ToDictionary());
    }

    private static void Load(TrainingLoop loop, string path)
    {
        using var scope = NewDisposeScope();
        using SafetensorsFile file = SafetensorsFile.Open(path);
        TrainingState own = loop.State;
        loop.Restore(new TrainingState(
            file.Keys.Where(k => !own.Numbers.ContainsKey(k)).ToDictionary(k => k, k => file.Read(k)),
            file.Keys.Where(own.Numbers.ContainsKey).ToDictionary(k => k, k => file.Read(k).item<long>())));
    }
}
