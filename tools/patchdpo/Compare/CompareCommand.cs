using System.CommandLine;
using PatchDpo.Tool.Shared;
using PatchDpo.Torch.Evaluation;

namespace PatchDpo.Tool.Compare;

/// <summary>Compares two evaluations of the same subjects.</summary>
internal sealed class CompareCommand : ToolCommand
{
    private readonly Argument<string> _before, _after;
    private readonly Option<int> _show;

    public CompareCommand() : base("compare", "Compares two evaluations: what got better, what got worse, and what is on one side alone.")
    {
        _before = DeclareArgument<string>("before", "A folder that evaluate wrote, or its scores.json.");
        _after = DeclareArgument<string>("after", "The other one.");
        _show = Declare("--show", "How many images to name that got better, and as many that got worse.", 5);
    }

    protected override int Run(ParseResult arguments, CancellationToken cancellationToken)
    {
        ScoreFile before = ScoreFile.Read(arguments.GetValue(_before)!), after = ScoreFile.Read(arguments.GetValue(_after)!);
        int show = arguments.GetValue(_show) is >= 0 and int n ? n : throw new InputException("--show must be at least 0.");
        if (before.Setting != after.Setting)
        {
            throw new InputException(
                $"'{before.Path}' is of the setting {before.Setting}, '{after.Path}' of {after.Setting}: the two do not compare.");
        }
        foreach ((string role, string hash) in before.Models)
            if (after.Models.TryGetValue(role, out string? other) && other != hash)
                throw new InputException($"The two were measured with different models of {role}: SHA-256 {hash} and {other}.");
        string[] images = [.. before.Images.Keys.Where(after.Images.ContainsKey)];
        if (images.Length == 0)
            throw new InputException("The two evaluations have no image in common.");
        string[][] subjects = [.. images.GroupBy(i => before.Images[i].Subject).Select(g => g.ToArray())];
        // One subject has no spread over subjects. Its images are those that both have, whatever else is on one side.
        (string[][] units, string over) = subjects.Length > 1 ? (subjects, "subjects") : ([.. images.Select(i => new[] { i })], "images");
        Console.WriteLine($"{images.Length} images of {subjects.Length} subjects are in both; paired differences, 95 % intervals over {over}");
        Console.WriteLine($"{"",-20}{"before",8}{"after",8}{"change",9}   95 % interval");
        string[] metrics = [.. ScoreFile.Metrics.Where(m => images.All(i => new[] { before, after }.All(f => f.Images[i].Scores.ContainsKey(m))))];
        foreach (string metric in metrics)
        {
            (double[] x, double[] y) = (Means(before), Means(after));
            MetricEstimate change = MetricEstimate.FromSubjects([.. y.Zip(x, (a, b) => a - b)]);
            Console.WriteLine(
                $"{Title(metric),-20}{x.Average(),8:F3}{y.Average(),8:F3}{Signed(change.Mean),9}   [{Signed(change.Lower)}, {Signed(change.Upper)}]");

            double[] Means(ScoreFile file) => [.. units.Select(unit => unit.Average(i => file.Images[i].Scores[metric]))];
        }
        // What says most of the subject, of what was measured.
        string ranked = new[] { "patchQuality", "dino", "subjectSimilarity", "clipI", "clipT" }.First(metrics.Contains);
        (string Name, double Change)[] changes =
            [.. images.Select(i => (i, after.Images[i].Scores[ranked] - before.Images[i].Scores[ranked])).OrderByDescending(c => c.Item2)];
        List("better", changes.Where(c => c.Change > 0));
        List("worse", changes.Where(c => c.Change < 0).Reverse());
        Missing(before, after);
        Missing(after, before);
        return Ending.Done;

        void List(string word, IEnumerable<(string Name, double Change)> all)
        {
            (string Name, double Change)[] list = [.. all];
            string end = list.Length > show ? $"; the first {show}:" : list.Length > 0 ? ":" : "";
            Console.WriteLine($"{list.Length} images got {word} in {Title(ranked)}{end}");
            foreach ((string name, double change) in list.Take(show))
                Console.WriteLine($"  {Signed(change)}  {before.Images[name].Scores[ranked]:F3} -> {after.Images[name].Scores[ranked]:F3}  {name}");
        }
    }

    private static void Missing(ScoreFile one, ScoreFile other)
    {
        string[] only = [.. one.Images.Keys.Where(i => !other.Images.ContainsKey(i)).Order(StringComparer.Ordinal)];
        if (only.Length > 0)
            Console.WriteLine($"{only.Length} images are in '{one.Path}' alone: {string.Join(", ", only.Take(5))}{(only.Length > 5 ? " ..." : "")}");
    }

    private static string Title(string metric) => metric switch
    {
        "dino" => "DINO",
        "clipI" => "CLIP-I",
        "clipT" => "CLIP-T",
        "patchQuality" => "patch quality",
        _ => "subject similarity",
    };

    // Rounded first: a small negative number would come out as "-+0.000".
    private static string Signed(double value) => double.IsNaN(value) ? "?" : Math.Round(value, 3).ToString("+0.000;-0.000;0.000");
}
