using System.CommandLine;
using System.Globalization;
using Ablation;
using PatchDpo.Torch.Evaluation;
using PatchDpo.Torch.PatchQuality;
using PatchDpo.Torch.Personalization;
using PatchDpo.Torch.Vision;

CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
var quick = new Option<bool>("--quick") { Description = "A short trial: one seed, few pairs, steps and subjects. Its numbers say nothing." };
var seeds = new Option<int[]>("--seeds") { Description = "One run of every method for each; the published table has 111 to 115.", AllowMultipleArgumentsPerToken = true, DefaultValueFactory = a => a.GetValue(quick) ? [111] : [111, 112, 113, 114, 115] };
var methods = new Option<string[]>("--methods") { Description = "Only methods of these names, or whose names contain one of these.", AllowMultipleArgumentsPerToken = true };
var only = new Option<string[]>("--only") { Description = "Parts of it; all by default.", AllowMultipleArgumentsPerToken = true, DefaultValueFactory = _ => Comparison.All.Select(t => t.Name).ToArray() };
only.AcceptOnlyFromAmong(Comparison.All.Select(t => t.Name).ToArray());
var pairs = new Option<int>("--pairs") { Description = "Training pairs.", DefaultValueFactory = a => a.GetValue(quick) ? 8 : 120 };
var heldOut = new Option<int>("--held-out") { Description = "Held-out subjects, two prompts each.", DefaultValueFactory = a => a.GetValue(quick) ? 2 : 18 };
var steps = new Option<int>("--steps") { Description = "Training steps.", DefaultValueFactory = a => a.GetValue(quick) ? 2 : 120 };
var batch = new Option<int>("--batch") { Description = "Pairs in a step.", DefaultValueFactory = _ => 8 };
var rate = new Option<double>("--learning-rate") { Description = "AdamW's.", DefaultValueFactory = _ => 1e-3 };
var beta = new Option<double>("--beta") { Description = "Diffusion-DPO's.", DefaultValueFactory = _ => 2000 };
var output = new Option<string>("--output") { Description = "Folder of ablation.md and its pictures.", DefaultValueFactory = _ => Path.Combine("output", "ablation") };
var root = new RootCommand("Compares PatchDPO with its baselines on drawn characters, whose true parts are known.") { quick, seeds, only, methods, pairs, heldOut, steps, batch, rate, beta, output };
root.SetAction(arguments =>
{
    string[] chosen = arguments.GetValue(methods) ?? [];
    var settings = new Settings
    {
        Seeds = arguments.GetValue(seeds)!,
        Methods = Method.All.Where(m => chosen.Length == 0 || m.Objective is null || chosen.Any(m.IsCalled)).ToArray(),
        Pairs = arguments.GetValue(pairs),
        HeldOutSubjects = arguments.GetValue(heldOut),
        Steps = arguments.GetValue(steps),
        BatchSize = arguments.GetValue(batch),
        LearningRate = arguments.GetValue(rate),
        DiffusionDpoBeta = arguments.GetValue(beta),
        Output = arguments.GetValue(output)!,
        Arguments = string.Join(' ', args.Select(a => a.Contains(' ') ? $"\"{a}\"" : a)),
    };
    using PersonalizedModel model = PersonalizedModel.LoadEmbedded();
    using EvaluationModels evaluation = EvaluationModels.LoadEmbedded();
    using IVisionEncoder encoder = PatchEncoder.LoadEmbedded();
    using IVisionEncoder before = PatchEncoder.FromFolder(EmbeddedModels.PatchEncoderBefore);
    var experiment = new Experiment(settings, model, evaluation, encoder, before);
    var all = new List<Finished>();
    foreach (Comparison comparison in Comparison.All.Where(t => arguments.GetValue(only)!.Contains(t.Name)))
    {
        var results = new Results(comparison.Choose(settings.Methods));
        SeedData[] drawn = settings.Seeds.Select(seed => comparison.Draw(seed, settings.Pairs, settings.HeldOutSubjects)).ToArray();
        foreach ((int seed, SeedData data) in settings.Seeds.Zip(drawn))
        {
            foreach ((Method method, Outcome outcome) in experiment.Run(results.Methods, data, seed))
            {
                results.Add(method, outcome);
                Console.WriteLine($"{comparison.Name,-14}  seed {seed}  {method.Name,-52} {outcome}");
            }
        }

        all.Add(new Finished(comparison, results, drawn[0]));
        Report.Write(all, settings);
        Console.WriteLine($"\n{Report.Table(results)}");
    }

    Console.WriteLine(Path.Combine(settings.Output, "ablation.md"));
    return 0;
});
return root.Parse(args).Invoke();
