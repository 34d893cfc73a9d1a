using PatchDpo.Tool.Build;
using PatchDpo.Tool.Evaluate;
using PatchDpo.Tool.Shards;
using PatchDpo.Tool.Shared;
using PatchDpo.Tool.Train;
using PatchDpo.Torch.Evaluation;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Personalization;

namespace PatchDpo.Tool.Reproduce;

/// <summary>Builds data, tunes, draws the benchmark before and after, measures, and sets the table; every stage goes on where it stood.</summary>
internal sealed class Reproduction
{
    private const string Before = "before", After = "after";

    private readonly ReproductionSettings _settings;
    private readonly ReproductionRecord _record;
    private readonly string _data, _adapter;
    private readonly (BenchmarkSetting Setting, string Side, ProductImage[] Images, string Scores)[] _runs;

    /// <param name="settings">What is asked for.</param>
    /// <exception cref="InputException">A photo is missing, or the output was begun otherwise.</exception>
    public Reproduction(ReproductionSettings settings)
    {
        OutputFolder.Check(settings.Output);
        _settings = settings;
        _data = settings.DataSet.Output;
        _adapter = Path.Combine(settings.Output, "tuned.safetensors");
        _runs =
        [
            .. BenchmarkSetting.All.SelectMany(s => new[] { Before, After }.Select(side => (
                s, side, s.Plan(settings.DreamBench, settings.Subjects, settings.Prompts, Path.Combine(settings.Output, "images", s.Name, side)),
                Path.Combine(settings.Output, "scores", s.Name, side)))),
        ];
        _record = ReproductionRecord.Of(settings, _runs.SelectMany(r => r.Images));
        _record.Begin(settings.Output);
    }

    /// <summary>Does what is yet to be done.</summary>
    /// <exception cref="IOException">Another process works in the folder.</exception>
    public void Run(CancellationToken cancellationToken)
    {
        using FileStream alone = ReproductionRecord.Hold(_settings.Output);
        DeleteLeftovers();
        // One load of the generator for data, images and training, and one for the images of the tuned one.
        PersonalizedModel? generator = null;
        try
        {
            Stage(1, "build the data set", DataSetBuild.IsDone(_data), () => DataSetBuild.Run(Generator(), _settings.DataSet, ShardPlan.Whole, cancellationToken));
            Stage(2, "draw the benchmark before the tuning", IsDrawn(Before), () => Draw(Generator(), Before, cancellationToken));
            Stage(3, "tune the adapter", File.Exists(_adapter), () => new AdapterTraining(HandOver, p => _settings.Training with { Progress = p })
                .Run(_data, verify: false, _adapter, cancellationToken));
        }
        finally
        {
            generator?.Dispose();
        }
        Stage(4, "draw the benchmark after the tuning", IsDrawn(After), () =>
        {
            using PersonalizedModel tuned = Load(_adapter);
            Draw(tuned, After, cancellationToken);
        });
        Stage(5, "measure", _runs.All(r => ScoresOf(r.Scores).Exists), () => Measure(cancellationToken));
        Console.Write(new ReproductionTable(_settings, _record, [.. _runs.Select(r => (r.Setting, r.Side == After, r.Scores))]).Write(_settings.Output));
        Console.WriteLine($"written to '{_settings.Output}'");

        PersonalizedModel Generator() => generator ??= Load(_settings.DataSet.Loading.AdapterPath);

        // The training disposes it, and frees the encoders before its steps.
        PersonalizedModel HandOver()
        {
            PersonalizedModel model = Generator();
            generator = null;
            return model;
        }
    }

    // Parts of files, which a killed run was writing; the training's folder is its own.
    private void DeleteLeftovers()
    {
        foreach (string folder in new[] { "data", "images", "scores" }.Select(f => Path.Combine(_settings.Output, f)).Where(Directory.Exists))
            DeleteParts(FolderFiles.Files(folder, recursive: true));
        DeleteParts(FolderFiles.Files(_settings.Output));

        static void DeleteParts(IEnumerable<string> files)
        {
            foreach (string file in files.Where(f => f.EndsWith(".tmp", StringComparison.Ordinal)))
                File.Delete(file);
        }
    }

    private static void Stage(int number, string title, bool isDone, Action run)
    {
        Console.WriteLine($"stage {number} of 5: {title}{(isDone ? ": done before" : "")}");
        if (!isDone)
            run();
    }

    private PersonalizedModel Load(string? adapter)
        => PersonalizedModel.Load(ModelPath.Generator(_settings.DataSet.Model), _settings.DataSet.Loading with { AdapterPath = adapter });

    private bool IsDrawn(string side) => _runs.Where(r => r.Side == side).All(r => BenchmarkDrawing.IsDone(r.Images));

    private void Draw(PersonalizedModel model, string side, CancellationToken cancellationToken)
    {
        foreach ((BenchmarkSetting setting, _, ProductImage[] images, _) in _runs.Where(r => r.Side == side && !BenchmarkDrawing.IsDone(r.Images)))
        {
            BenchmarkDrawing.Run(
                model, images, _settings.Drawing with { AdapterScale = setting.AdapterScale }, $"setting {setting.Title}, {side}", cancellationToken);
        }
    }

    private void Measure(CancellationToken cancellationToken)
    {
        using EvaluationModels models = EvaluationModels.FromFolders(_settings.Dino, _settings.Clip, null, _settings.DataSet.Loading.Device);
        foreach ((BenchmarkSetting setting, string side, ProductImage[] images, string folder) in _runs.Where(r => !ScoresOf(r.Scores).Exists))
        {
            Console.WriteLine($"setting {setting.Title}, {side}");
            var options = new PersonalizationEvaluatorOptions { Setting = setting.Kind, GenerationSeed = (int)_settings.Drawing.Seed };
            var report = new EvaluationReport(ProductEvaluation.Run(images, models, options, ShardPlan.Whole, folder, cancellationToken)!)
            {
                Notes = [.. ReproductionTable.Notes(_settings)],
                ImageNames = [.. images.Select(i => i.Name)],
                Files = [.. images.Select(i => i.Files)],
            };
            Directory.CreateDirectory(folder);
            report.WriteTsv(Path.Combine(folder, "scores.tsv"));
            // Last: it says that both are there.
            report.WriteJson(ScoresOf(folder).FullName);
        }
    }

    private static FileInfo ScoresOf(string folder) => new(Path.Combine(folder, "scores.json"));
}
