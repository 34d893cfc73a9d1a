using System.CommandLine;
using System.Globalization;
using Ablation;
using PatchDpo.Torch.Foundation;
using TorchSharp;

CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
var quick = new Option<bool>("--quick") { Description = "A short trial: one seed, few pairs, steps and subjects. Its numbers say nothing." };
var seeds = new Option<int[]>("--seeds") { Description = "One run of every method for each; the published table has 111 to 115.",
    AllowMultipleArgumentsPerToken = true, DefaultValueFactory = a => a.GetValue(quick) ? [111] : [111, 112, 113, 114, 115] };
var methods = new Option<string[]>("--methods") { Description = "Only methods of these names, or whose names contain one of these.",
    AllowMultipleArgumentsPerToken = true };
methods.Validators.Add(result =>
{
    foreach (string name in result.Tokens.Select(t => t.Value).Where(n => !Comparison.All.Any(c => c.Methods.Any(m => m.IsCalled(n, c.Methods)))))
        result.AddError($"No method is called '{name}'. "
            + $"There are: {string.Join("; ", Comparison.All.SelectMany(c => c.Methods).Select(m => m.Name).Distinct())}.");
});
var only = new Option<string[]>("--only") { Description = "Parts of it; all by default.", AllowMultipleArgumentsPerToken = true, DefaultValueFactory = _
    => Comparison.All.Select(t => t.Name).ToArray() };
only.AcceptOnlyFromAmong(Comparison.All.Select(t => t.Name).ToArray());
var pairs = new Option<int>("--pairs") { Description = "Training pairs.", DefaultValueFactory = a => a.GetValue(quick) ? 8 : 96 };
var heldOut = new Option<int>("--held-out") { Description = "Held-out subjects.", DefaultValueFactory = a => a.GetValue(quick) ? 4 : 18 };
var steps = new Option<int>("--steps") { Description = "Training steps.", DefaultValueFactory = a => a.GetValue(quick) ? 2 : 80 };
var batch = new Option<int>("--batch") { Description = "Pairs in a step.", DefaultValueFactory = _ => 4 };
var rate = new Option<double>("--learning-rate") { Description = "AdamW's.", DefaultValueFactory = _ => 1.5e-3 };
var beta = new Option<double>("--beta") { Description = "Diffusion-DPO's.", DefaultValueFactory = _ => 2000 };
var output = new Option<string>("--output") { Description = "Folder of ablation.md and its pictures.", DefaultValueFactory = _
    => Path.Combine("output", "ablation") };
var keep = new Option<string?>("--keep") { Description = "Folder that finished curves are kept in; the same command goes on where it was stopped." };
var root = new RootCommand("Compares PatchDPO with its baselines on drawn characters, whose true parts are known.") { quick, seeds, only, methods, pairs,
    heldOut, steps, batch, rate, beta, output, keep };
root.SetAction(arguments =>
{
    var settings = new Settings
    {
        Seeds = arguments.GetValue(seeds)!,
        Methods = arguments.GetValue(methods) ?? [],
        Pairs = arguments.GetValue(pairs),
        HeldOutSubjects = arguments.GetValue(heldOut),
        Steps = arguments.GetValue(steps),
        BatchSize = arguments.GetValue(batch),
        LearningRate = arguments.GetValue(rate),
        DiffusionDpoBeta = arguments.GetValue(beta),
        Output = arguments.GetValue(output)!,
        Keep = arguments.GetValue(keep),
        // Where curves are kept changes nothing in the report.
        Arguments = string.Join(' ', args.Where((a, i) => a != keep.Name && (i == 0 || args[i - 1] != keep.Name))
            .Select(a => a.Contains(' ') ? $"\"{a}\"" : a)),
    };
    // A second thread does not double the speed of one run; a run for each processor does more, and figures do not depend on the machine's processors.
    torch.set_num_threads(1);
    TorchRuntime.KeepFreedMemory();
    using var run = new WholeRun(settings, [.. Comparison.All.Where(t => arguments.GetValue(only)!.Contains(t.Name))]);
    run.Run();
    Console.WriteLine(Path.Combine(settings.Output, "ablation.md"));
    return 0;
});

var estimateSeed = new Option<int>("--seed") { Description = "Decides the pairs; none of the tables'.", DefaultValueFactory = _ => 908 };
var estimatePairs = new Option<int>("--pairs") { Description = "Pairs to judge.", DefaultValueFactory = _ => 72 };
var estimateNames = new Option<string[]>("--only") { Description = "Only estimates whose names contain one of these.", AllowMultipleArgumentsPerToken = true };
var estimates = new Command("estimates", "Measures how well estimates of p tell wrong parts from right ones.") { estimateSeed, estimatePairs, estimateNames };
estimates.SetAction(arguments =>
{
    torch.set_num_threads(1);
    string[] names = arguments.GetValue(estimateNames) ?? [];
    EstimateAccuracy.Print(Estimate.Measured.Where(e => names.Length == 0 || names.Any(n => e.Name.Contains(n, StringComparison.OrdinalIgnoreCase))),
        arguments.GetValue(estimateSeed), arguments.GetValue(estimatePairs));
    return 0;
});
root.Add(estimates);
var fitSeed = new Option<int>("--seed") { Description = "Decides the pairs; none of the tables'.", DefaultValueFactory = _ => 904 };
var fitPairs = new Option<int>("--pairs") { Description = "Pairs with planted faults.", DefaultValueFactory = _ => 120 };
var fit = new Command("fit", "Fits the line from quality to how likely a patch is right, for aligned objects.") { fitSeed, fitPairs };
fit.SetAction(arguments =>
{
    torch.set_num_threads(1);
    TrainingCase[] cases = [.. SeedData.LocalFaults(arguments.GetValue(fitSeed), arguments.GetValue(fitPairs), 0).Training];
    LineFit.Print(cases, [.. cases.Select(c => c.Planted!)]);
    return 0;
});
root.Add(fit);
return root.Parse(args).Invoke();
