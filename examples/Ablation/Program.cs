using System.CommandLine;
using System.Globalization;
using Ablation;
using PatchDpo.Torch.Evaluation;
using PatchDpo.Torch.PatchQuality;
using PatchDpo.Torch.Personalization;
using PatchDpo.Torch.Vision;

CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
var seeds = new Option<int[]>("--seeds") { Description = "One run of every method for each; the published table has 101 to 105.", AllowMultipleArgumentsPerToken = true, DefaultValueFactory = _ => [101, 102, 103, 104, 105] };
var methods = new Option<string[]>("--methods") { Description = "Only methods whose names contain one of these.", AllowMultipleArgumentsPerToken = true };
var pairs = new Option<int>("--pairs") { Description = "Training pairs.", DefaultValueFactory = _ => 144 };
var heldOut = new Option<int>("--held-out") { Description = "Held-out subjects, two prompts each.", DefaultValueFactory = _ => 24 };
var steps = new Option<int>("--steps") { Description = "Training steps.", DefaultValueFactory = _ => 150 };
var batch = new Option<int>("--batch") { Description = "Pairs in a step.", DefaultValueFactory = _ => 8 };
var rate = new Option<double>("--learning-rate") { Description = "AdamW's.", DefaultValueFactory = _ => 1e-3 };
var beta = new Option<double>("--beta") { Description = "Diffusion-DPO's.", DefaultValueFactory = _ => 2000 };
var output = new Option<string>("--output") { Description = "Folder of ablation.md and its plot.", DefaultValueFactory = _ => Path.Combine("output", "ablation") };
var root = new RootCommand("Compares PatchDPO with its baselines on drawn characters, whose true parts are known.") { seeds, methods, pairs, heldOut, steps, batch, rate, beta, output };
root.SetAction(arguments =>
{
    string[] chosen = arguments.GetValue(methods) ?? [];
    var settings = new Settings
    {
        Seeds = arguments.GetValue(seeds)!,
        Methods = Method.All.Where(m => chosen.Length == 0 || m.Objective is null || chosen.Any(c => m.Name.Contains(c, StringComparison.OrdinalIgnoreCase))).ToArray(),
        Pairs = arguments.GetValue(pairs),
        HeldOutSubjects = arguments.GetValue(heldOut),
        Steps = arguments.GetValue(steps),
        BatchSize = arguments.GetValue(batch),
        LearningRate = arguments.GetValue(rate),
        DiffusionDpoBeta = arguments.GetValue(beta),
        Output = arguments.GetValue(output)!,
    };
    using PersonalizedModel model = PersonalizedModel.LoadEmbedded();
    using EvaluationModels evaluation = EvaluationModels.LoadEmbedded();
    using IVisionEncoder encoder = PatchEncoder.LoadEmbedded();
    using IVisionEncoder untrained = PatchEncoder.FromFolder(EmbeddedModels.UntrainedPatchEncoder);
    var experiment = new Experiment(settings, model, evaluation, encoder, untrained);
    var results = new Results(settings.Methods);
    foreach (int seed in settings.Seeds)
    {
        foreach ((Method method, Outcome outcome) in experiment.Run(seed))
        {
            results.Add(method, outcome);
            Console.WriteLine($"seed {seed}  {method.Name,-52} {outcome}");
        }
    }

    Report.Write(results, settings);
    Console.WriteLine($"\n{Report.Table(results)}\n{Path.Combine(settings.Output, "ablation.md")}");
    return 0;
});
return root.Parse(args).Invoke();
