using System.CommandLine;
using System.Globalization;
using PatchDpo.Stress;
using PatchDpo.Torch.Foundation;

Option<double> seconds = new("--seconds") { Description = "How long the threads run.", DefaultValueFactory = _ => 60 };
RootCommand root = new(
    "Scores, generates, evaluates and trains on several threads beside one that collects garbage and one that allocates. Exit code 1: a call threw, or its bits changed.") { seconds };
root.SetAction(result => Run(TimeSpan.FromSeconds(result.GetValue(seconds))));
root.Add(KilledTrainingCommand.Create());
root.Add(KilledRanksCommand.Create());
return root.Parse(args).Invoke();

static int Run(TimeSpan time)
{
    TorchRuntime.Initialize();
    using var workload = new Workload();
    IReadOnlyList<Worker> workers = workload.CreateWorkers();
    using (var disturbance = new Disturbance())
    {
        Thread[] threads = [.. workers.Select(w => new Thread(() => w.Run(time)))];
        foreach (Thread thread in threads)
            thread.Start();
        foreach (Thread thread in threads)
            thread.Join();
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"{time.TotalSeconds:F0} s, {disturbance.Collections:N0} collections, {disturbance.Allocations:N0} allocations"));
    }
    foreach (Worker worker in workers)
    {
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"  {worker.Name,-14} {worker.Calls,8:N0} calls, {worker.Exceptions.Count} exceptions, {worker.WrongResults} other bits"));
        foreach (IGrouping<string, Exception> kind in worker.Exceptions.GroupBy(e => $"{e.GetType().Name}: {e.Message.ReplaceLineEndings(" ")}").Take(3))
            Console.WriteLine($"    {kind.Count()} x {kind.Key[..Math.Min(300, kind.Key.Length)]}");
    }
    return workers.All(w => w is { Exceptions.Count: 0, WrongResults: 0, Calls: > 0 }) ? 0 : 1;
}
