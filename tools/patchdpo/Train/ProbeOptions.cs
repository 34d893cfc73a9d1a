using System.CommandLine;
using PatchDpo.Tool.Score;
using PatchDpo.Tool.Shared;
using PatchDpo.Torch.Evaluation;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.Personalization;
using PatchDpo.Torch.Training.Probes;
using static TorchSharp.torch;

namespace PatchDpo.Tool.Train;

/// <summary>The options that say what a training draws and measures again and again.</summary>
internal sealed class ProbeOptions
{
    private const string SubjectPlace = "{}";

    private static readonly GenerationOptions Drawing = new();
    private static readonly OptionNames<PersonalizationMetric> Metrics = new();

    private readonly Option<FileInfo?> _prompts = new("--probe-prompts")
    {
        Description = $"Text file with a prompt in each line, {SubjectPlace} for the subject's name: each is drawn of each subject before the first step, "
            + "every so "
            + "many steps and at the end. Needs --probe-references. Default: nothing is drawn.",
    };

    private readonly Option<DirectoryInfo?> _references = new("--probe-references")
    {
        Description = "Folder with a folder of photos for each subject, or with the photos of a single one.",
    };

    private readonly Option<int> _every = new("--probe-every")
    {
        Description = "Steps between two probes.",
        DefaultValueFactory = _ => 500,
    };

    private readonly Option<string> _metric = new("--probe-metric")
    {
        Description = $"What decides which step is the best: {Metrics.All}. With --state its checkpoint and adapter are kept.",
        DefaultValueFactory = _ => Metrics.Of(default),
    };

    private readonly Option<DirectoryInfo?> _dino = new("--probe-dino")
    {
        Description = "DINO's folder, to measure DINO beside what ImageNet's ResNet-18 (embedded: the small encoders) measures.",
    };

    private readonly Option<DirectoryInfo?> _clip = new("--probe-clip") { Description = "CLIP's folder, to measure CLIP-I and CLIP-T." };

    private readonly Option<bool> _best = new("--probe-best")
    {
        Description = "Write the adapter of the step with the best probe in place of the last step's.",
    };

    private readonly Option<int> _steps = new("--probe-steps")
    {
        Description = "Sampling steps of a probe's pictures.",
        DefaultValueFactory = _ => Drawing.Steps,
    };

    public ProbeOptions() => _metric.AcceptOnlyFromAmong([.. Metrics.Names]);

    /// <summary>Adds them to a command.</summary>
    public void AddTo(Command command)
    {
        command.Add(_prompts);
        command.Add(_references);
        command.Add(_every);
        command.Add(_metric);
        command.Add(_best);
        command.Add(_dino);
        command.Add(_clip);
        command.Add(_steps);
    }

    /// <summary>Opens the models that measure; null where there is no probe.</summary>
    /// <exception cref="InputException">Prompts are given without references, or references or models without prompts.</exception>
    public EvaluationModels? OpenModels(ParseResult arguments, bool isSmall, Device? device)
    {
        (string? dino, string? clip) = (arguments.GetValue(_dino)?.FullName, arguments.GetValue(_clip)?.FullName);
        if (arguments.GetValue(_prompts) is null != arguments.GetValue(_references) is null)
            throw new InputException("A probe needs both --probe-prompts and --probe-references.");
        if (arguments.GetValue(_prompts) is null)
        {
            return dino is null && clip is null && !arguments.GetValue(_best) ? null
                : throw new InputException("--probe-dino, --probe-clip and --probe-best need --probe-prompts and --probe-references.");
        }
        if (isSmall)
            return EvaluationModels.FromFolders(
                dino ?? EmbeddedModels.EvaluationDino, clip ?? EmbeddedModels.EvaluationClip, EmbeddedModels.PatchEncoder, device);
        EvaluationModels photos = EvaluationModels.LoadResNet18(device);
        try
        {
            EvaluationModels given = EvaluationModels.FromFolders(dino, clip, null, device);
            return photos with { Dino = given.Dino, Clip = given.Clip, Identities = [.. photos.Identities, .. given.Identities] };
        }
        catch
        {
            photos.Dispose();
            throw;
        }
    }

    /// <summary>The probe; null where there are no models for one.</summary>
    /// <exception cref="InputException">There is no prompt, or no photo.</exception>
    public TrainingProbeOptions? Read(ParseResult arguments, EvaluationModels? models) => models is null ? null : new TrainingProbeOptions
    {
        Rows = Rows(arguments.GetValue(_prompts)!.FullName, arguments.GetValue(_references)!.FullName),
        Evaluator = models.CreateEvaluator(),
        Every = arguments.GetValue(_every),
        Metric = Metrics.Parse(arguments.GetValue(_metric)!),
        GivesBest = arguments.GetValue(_best),
        Generation = Drawing with { Steps = arguments.GetValue(_steps) },
    };

    private static TrainingProbeRow[] Rows(string promptFile, string folder)
    {
        using var reader = new StreamReader(
            RegularFile.OpenRead(promptFile, kind => new InputException($"'{promptFile}': this is {kind}, not a file of prompts.")));
        string[] prompts = reader.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        if (prompts.Length == 0)
            throw new InputException($"'{promptFile}' holds no prompt.");
        string[] subjects = PairFolders.Images(folder).Count > 0 ? [folder]
            : [.. FolderFiles.Folders(folder).Order(StringComparer.Ordinal).Where(f => PairFolders.Images(f).Count > 0)];
        if (subjects.Length == 0)
            throw new InputException($"'{folder}' holds no photo, and no folder with photos.");
        return [.. subjects.SelectMany(subject => OfSubject(subject, prompts))];
    }

    private static IEnumerable<TrainingProbeRow> OfSubject(string folder, string[] prompts)
    {
        string name = Path.GetFileName(Path.TrimEndingDirectorySeparator(folder));
        string[] files = [.. PairFolders.Images(folder)];
        // A mask beside a photo is no photo.
        ReferenceImage[] photos = [.. files.Where(f => !files.Any(other => ReferenceImage.MaskFileOf(other) == f)).Select(f => ReferenceImage.FromFile(f))];
        ReferenceImage reference = photos[0] with { OtherPhotos = [.. photos.Skip(1).Select(p => p.Image)] };
        foreach (string prompt in prompts)
        {
            string text = prompt.Replace(SubjectPlace, name, StringComparison.Ordinal);
            yield return new TrainingProbeRow(name, text, [reference with { Name = text.Contains(name, StringComparison.OrdinalIgnoreCase) ? name : null }]);
        }
    }
}
