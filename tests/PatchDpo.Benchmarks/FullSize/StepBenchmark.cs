using System.CommandLine;
using PatchDpo.Benchmarks.Speed;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Pairs;
using PatchDpo.Torch.Personalization;

namespace PatchDpo.Benchmarks.FullSize;

/// <summary>Training steps of small models by the trainer, against the same calls made directly and against the official order of work.</summary>
internal static class StepBenchmark
{
    /// <summary>A step on conditions that are ready, in both.</summary>
    public static Command Command()
    {
        Option<int> rounds = Contest.Rounds(5), steps = new("--steps") { Description = "Steps in a round.", DefaultValueFactory = _ => 4 };
        Option<int> batch = new("--batch") { Description = "Pairs in a step of the embedded model.", DefaultValueFactory = _ => 4 };
        Option<int> side = new("--side") { Description = "Side of the images that the SDXL-shaped one is trained at.", DefaultValueFactory = _ => 256 };
        var command = new Command("step", "A training step of the embedded model, and of an SDXL-shaped one of 64 channels with IP-Adapter-Plus (random "
            + "weights), by the trainer against the same calls made directly.") { rounds, steps, batch, side };
        command.SetAction(r =>
        {
            TorchRuntime.Initialize();
            (int count, int taken) = (r.GetValue(rounds), r.GetValue(steps));
            using (PersonalizedModel embedded = PersonalizedModel.LoadEmbedded())
                Compare("embedded model", embedded, r.GetValue(batch), embedded.ImageSize, taken * 5, count);
            WithFifth((model, _) => Compare("SDXL's shape, 64 channels", model, 1, r.GetValue(side), taken, count));
        });
        return command;
    }

    /// <summary>A step on conditions of a store against one that encodes them.</summary>
    public static Command ConditionsCommand()
    {
        Option<int> rounds = Contest.Rounds(5), steps = new("--steps") { Description = "Steps in a round.", DefaultValueFactory = _ => 2 };
        Option<int> side = new("--side") { Description = "Side of the images.", DefaultValueFactory = _ => PipelineScale.Fifth.ImageSide };
        var command = new Command("conditions", "A training step of one pair, a model of SDXL's proportions with about a fifth of its channels: conditions from "
            + "the trainer's store against the official order of work, which encodes them in each step.") { rounds, steps, side };
        command.SetAction(r =>
        {
            TorchRuntime.Initialize();
            WithFifth((model, folder) =>
            {
                TrainingPair[] pairs = [SamplePairs.Of(r.GetValue(side), 1)];
                using var direct = new DirectSteps(model, pairs, r.GetValue(side));
                using var trainer = new TrainerSteps(model, pairs, r.GetValue(side), r.GetValue(steps), Path.Combine(folder, "store"));
                Contest.RunTimed(r.GetValue(rounds), 1, "steps",
                    ("latents, prompt and image prompt encoded in each step", () => Median(direct.Take(r.GetValue(steps), encodes: true))),
                    ("from the trainer's store", () => Median(trainer.Take())),
                    ("ready in memory, called directly", () => Median(direct.Take(r.GetValue(steps), encodes: false))));
                Console.WriteLine($"encoded once for the store: {trainer.Preparation:F2} s a pair");
            });
        });
        return command;
    }

    private static void Compare(string name, PersonalizedModel model, int batch, int side, int steps, int rounds)
    {
        TrainingPair[] pairs = [.. Enumerable.Range(0, batch).Select(i => SamplePairs.Of(side, i))];
        using var direct = new DirectSteps(model, pairs, side);
        using var trainer = new TrainerSteps(model, pairs, side, steps);
        Console.WriteLine($"{name}: {batch} pairs of {side} pixels");
        double share = Contest.RunTimed(rounds, 1, "steps",
            ("called directly", () => Median(direct.Take(steps, encodes: false))), ("by the trainer", () => Median(trainer.Take())))[1];
        Console.WriteLine($"the trainer's step takes {share:F3} times as long");
    }

    private static void WithFifth(Action<PersonalizedModel, string> measure)
    {
        string folder = Directory.CreateTempSubdirectory("patchdpo-step-").FullName;
        try
        {
            Console.WriteLine($"SDXL's shape at a fifth of its channels: {new RandomPipeline(folder).Write(PipelineScale.Fifth):N0} random weights");
            using PersonalizedModel model = PersonalizedModel.Load(folder);
            measure(model, folder);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static double Median(double[] values) => values.Order().ElementAt(values.Length / 2);
}
