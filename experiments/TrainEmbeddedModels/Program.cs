using System.CommandLine;
using PatchDpo.Torch.Foundation;
using TorchSharp;
using TrainEmbeddedModels;

TorchRuntime.Initialize();

// In the order in which they need each other; a stage whose result is there is skipped.
(string Name, string Result, Action<TrainingContext> Run)[] stages =
[
    ("tokenizer", "generator/tokenizer/vocab.json", TokenizerStage.Run),
    ("vae", "generator/vae/config.json", VaeStage.Run),
    ("generator", "generator/unet/config.json", GeneratorStage.Run),
    ("varied", "generator/model_index.json", GeneratorStage.Resume),
    ("adapter", "generator/ip_adapter.safetensors", AdapterStage.Run),
    ("dino", "eval_dino/config.json", DinoStage.Run),
    ("patch_encoder", "patch_encoder/config.json", PatchEncoderStage.Run),
    ("clip", "eval_clip/config.json", ClipStage.Run),
    ("samples", "", SampleStage.Run),
    ("quality", "", QualityStage.Run),
];

var output = new Option<string>("--output") { Description = "Folder of the shipped models.", DefaultValueFactory = _
    => "src/PatchDpo.Models.Embedded/models/embedded" };
var work = new Option<string>("--work") { Description = "Folder of checkpoints and contact sheets.", DefaultValueFactory = _ => "artifacts/embedded-training" };
var only = new Option<string[]>("--stage") { Description = $"Run these stages only: {string.Join(", ", stages.Select(s => s.Name))}.",
    AllowMultipleArgumentsPerToken = true };
var force = new Option<bool>("--force") { Description = "Run a stage even where its result exists." };
var seed = new Option<int>("--seed") { Description = "Decides everything random.", DefaultValueFactory = _ => 1 };
var scale = new Option<double>("--scale") { Description = "Factor of all step counts; below 1 for a trial.", DefaultValueFactory = _ => 1 };
var threads = new Option<int>("--threads") { Description = "Threads of libtorch.", DefaultValueFactory = _ => Environment.ProcessorCount };
var root = new RootCommand("Trains the embedded models from nothing but drawn characters.") { output, work, only, force, seed, scale, threads };
root.SetAction(arguments =>
{
    torch.set_num_threads(arguments.GetValue(threads));
    var context = new TrainingContext(arguments.GetValue(output)!, arguments.GetValue(work)!, arguments.GetValue(seed), arguments.GetValue(scale));
    string[] chosen = arguments.GetValue(only) ?? [];
    if (chosen.Except(stages.Select(s => s.Name)).FirstOrDefault() is string unknown)
    {
        Console.Error.WriteLine($"There is no stage '{unknown}'. Stages: {string.Join(", ", stages.Select(s => s.Name))}.");
        return 1;
    }

    foreach ((string name, string result, Action<TrainingContext> run) in stages.Where(s => chosen.Length == 0 || chosen.Contains(s.Name)))
    {
        if (!arguments.GetValue(force) && File.Exists(Path.Combine(context.Output, result)))
        {
            context.Log($"{name}: {result} is there, skipped");
            continue;
        }

        context.Log($"{name}: started");
        run(context);
        context.Log($"{name}: done");
    }

    context.Log("all done");
    return 0;
});
return root.Parse(args).Invoke();
