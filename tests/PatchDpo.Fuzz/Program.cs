using System.CommandLine;
using PatchDpo.Fuzz;
using PatchDpo.Fuzz.Configurations;
using PatchDpo.Fuzz.Targets;
using PatchDpo.Torch.Foundation;

Option<string> reader = new("--reader") { Description = $"The reader to test: {string.Join(", ", AllTargets.Names)}, or all.", DefaultValueFactory = _
    => "all" };
reader.AcceptOnlyFromAmong(["all", .. AllTargets.Names]);
Option<long> count = new("--count") { Description = "Inputs for each reader.", DefaultValueFactory = _ => 100_000 };
Option<int> seed = new("--seed") { Description = "The same seed gives the same inputs.", DefaultValueFactory = _ => 1 };
Option<double> seconds = new("--seconds") { Description = "Time for all readers together; 0: no limit.", DefaultValueFactory = _ => 0 };
Option<string> findings = new("--findings") { Description = "Folder for the inputs of findings.", DefaultValueFactory = _ => "fuzz-findings" };
Option<string?> replay = new(
    "--replay") { Description = "Instead of changed inputs: a folder of files, read as they are by the reader that each one's ending tells." };
Option<string?> corpus = new(
    "--corpus") { Description = "Instead of changed inputs: writes the reader's sound ones into this folder, for afl-fuzz to begin with." };
Option<bool> afl = new("--afl") { Description = "Takes inputs from afl-fuzz, which starts this program (see docs/security.md)." };
Option<bool> configurations = new(
    "--configurations") { Description = "Instead of changed weights: small models of each kind, with one field of one configuration changed." };
Option<int> every = new("--every") { Description = "With --configurations: takes each n-th change only.", DefaultValueFactory = _ => 1 };
Option<bool> outcomes = new("--outcomes") { Description = "Print every kind of outcome that was seen." };
RootCommand root = new(
    "Feeds the readers of weights with broken and hostile inputs and reports crashes, hangs, memory beyond the file's size, leaks and undocumented exceptions. Exit code 1: findings.")
{
    reader, count, seed, seconds, findings, replay, corpus, afl, configurations, every, outcomes,
};
root.SetAction(result => result.GetValue(replay) is { } files ? ReadAgain(files)
    : result.GetValue(configurations) ? ChangeConfigurations(result.GetValue(every), result.GetValue(outcomes))
    : result.GetValue(corpus) is not null || result.GetValue(afl) ? RunGuided(result.GetValue(reader)!, result.GetValue(corpus))
    : Run(result.GetValue(reader)!, result.GetValue(count), result.GetValue(seed), result.GetValue(seconds), result.GetValue(findings)!,
        result.GetValue(outcomes)));
return root.Parse(args).Invoke();

// Memory rather than a disk: each input is written.
static string InputFolder()
{
    string parent = Directory.Exists("/dev/shm") ? "/dev/shm" : Path.GetTempPath();
    return Directory.CreateDirectory(Path.Combine(parent, $"patchdpo-fuzz-{Environment.ProcessId}")).FullName;
}

static int ReadAgain(string files)
{
    TorchRuntime.Initialize();
    string folder = InputFolder();
    int findings = new Replay([.. AllTargets.Create()], new Watchdog(folder)).Run(files, folder);
    Directory.Delete(folder, recursive: true);
    return findings == 0 ? 0 : 1;
}

static int ChangeConfigurations(int every, bool printOutcomes)
{
    TorchRuntime.Initialize();
    string folder = InputFolder();
    Console.WriteLine($"the configuration under test is in '{folder}': after a crash of the process, it is the one");
    int findings = new ConfigurationRun(folder, new Watchdog(folder)).Run(every, printOutcomes);
    Directory.Delete(folder, recursive: true);
    return findings == 0 ? 0 : 1;
}

static int RunGuided(string reader, string? corpus)
{
    if (reader == "all")
    {
        Console.Error.WriteLine("--corpus and --afl take one --reader.");
        return 2;
    }
    CoverageGuided.Prepare();
    TorchRuntime.Initialize();
    Target target = AllTargets.Create().Single(t => t.Name == reader);
    if (corpus is not null)
        CoverageGuided.WriteCorpus(target, corpus);
    else
        CoverageGuided.Run(target, InputFolder());
    return 0;
}

static int Run(string reader, long count, int seed, double seconds, string findingsFolder, bool printOutcomes)
{
    TorchRuntime.Initialize();
    string folder = InputFolder();
    Console.WriteLine($"seed {seed}; the input under test is in '{folder}': after a crash of the process, it is the one");
    Target[] targets = [.. AllTargets.Create().Where(t => reader == "all" || t.Name == reader)];
    TimeSpan time = seconds > 0 ? TimeSpan.FromSeconds(seconds / targets.Length) : TimeSpan.MaxValue;
    Watchdog watchdog = new(folder);
    FindingLog findings = new(findingsFolder);
    List<Tally> tallies = [];
    foreach (Target target in targets)
    {
        Tally tally = new Fuzzer(target, seed, watchdog, findings).Run(count, time, Directory.CreateDirectory(Path.Combine(folder, target.Name)).FullName);
        Console.WriteLine($"  {target.Name}: {tally.Inputs} inputs, {tally.Findings} findings");
        tallies.Add(tally);
        foreach (string outcome in tally.Outcomes.Order(StringComparer.Ordinal).Where(_ => printOutcomes))
            Console.WriteLine($"    {outcome}");
    }
    Tally.Print(tallies);
    Directory.Delete(folder, recursive: true);
    return findings.Count == 0 ? 0 : 1;
}
