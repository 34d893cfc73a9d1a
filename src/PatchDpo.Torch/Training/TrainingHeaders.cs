using System.Globalization;
using System.Reflection;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Loop;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.Personalization;
using PatchDpo.Torch.Training.Data;
using TorchSharp;

namespace PatchDpo.Torch.Training;

/// <summary>What a PatchDPO training is made of, for its checkpoints.</summary>
internal static class TrainingHeaders
{
    /// <summary>The setting with the seed.</summary>
    public const string Seed = nameof(PatchDpoTrainerOptions.Seed);

    private const string PairsInAStep = "Pairs in a step", Library = "PatchDpo.Torch";

    // The first three and the probe decide nothing of what is learned; the length, the checkpoints and other folders may change.
    private static readonly string[] NotCompared = [nameof(PatchDpoTrainerOptions.Progress), nameof(PatchDpoTrainerOptions.MaxPromptCharacters),
        nameof(PatchDpoTrainerOptions.RefuseTruncatedPrompts), nameof(PatchDpoTrainerOptions.MaxSteps), nameof(PatchDpoTrainerOptions.State),
        nameof(PatchDpoTrainerOptions.Store), nameof(PatchDpoTrainerOptions.LogFolder), nameof(PatchDpoTrainerOptions.Probe),
        // What a step takes is compared, not how it is divided.
        nameof(PatchDpoTrainerOptions.BatchSize), nameof(PatchDpoTrainerOptions.GradientAccumulation), nameof(PatchDpoTrainerOptions.Processes)];

    /// <summary>Options, model and data of a training.</summary>
    /// <param name="options">With a state, or of several processes.</param>
    /// <param name="model">What it starts from.</param>
    /// <param name="pairs">What it trains on.</param>
    /// <param name="batch">Pairs in a batch, over all processes.</param>
    public static TrainingHeader Create(PatchDpoTrainerOptions options, PersonalizedModel model, PreparedPairs pairs, int batch)
    {
        SortedDictionary<string, string> settings = OptionValues.Of(options, NotCompared);
        settings["Pairs"] = string.Create(CultureInfo.InvariantCulture, $"{pairs.Count}");
        settings["SHA-256 of pairs"] = pairs.Sha256;
        settings["Conditions"] = $"{options.Store?.DType ?? torch.ScalarType.Float32}";
        ModelIdentity generator = GeneratorIdentity.ForTraining(model);
        foreach ((string name, string value) in generator.Settings)
            settings[$"{generator.Model} {name}"] = value;
        foreach (ModelFile file in generator.Files)
            settings[$"SHA-256 of {generator.Model} {file.File}"] = file.Sha256;
        long rowsPerStep = (long)batch * options.GradientAccumulation;
        settings[PairsInAStep] = string.Create(CultureInfo.InvariantCulture, $"{rowsPerStep}");
        TrainingStateOptions? state = options.State;
        SortedDictionary<string, string> changeable = new(StringComparer.Ordinal)
        {
            [nameof(options.MaxSteps)] = string.Create(CultureInfo.InvariantCulture, $"{options.MaxSteps}"),
            [nameof(options.BatchSize)] = string.Create(CultureInfo.InvariantCulture, $"{options.BatchSize}"),
            [nameof(options.GradientAccumulation)] = string.Create(CultureInfo.InvariantCulture, $"{options.GradientAccumulation}"),
            [nameof(options.Processes)] = string.Create(CultureInfo.InvariantCulture, $"{options.Processes?.Size ?? 1}"),
            [nameof(state.Interval)] = Text(state?.Interval),
            [nameof(state.KeepLast)] = Text(state?.KeepLast),
            [nameof(state.KeepEvery)] = Text(state?.KeepEvery),
            ["Device"] = $"{model.Device}",
            ["Threads"] = string.Create(CultureInfo.InvariantCulture, $"{torch.get_num_threads()}"),
            [Library] = VersionOf(typeof(TrainingHeaders)),
            ["TorchSharp"] = VersionOf(typeof(torch)),
        };
        return new TrainingHeader(settings, changeable, rowsPerStep);

        static string Text(int? number) => number is int n ? string.Create(CultureInfo.InvariantCulture, $"{n}") : "none";
    }

    /// <summary>What all processes of a training must have alike.</summary>
    public static IReadOnlyDictionary<string, string> Shared(TrainingHeader header)
    {
        Dictionary<string, string> shared = new(header.Settings);
        foreach (string name in new[] { nameof(PatchDpoTrainerOptions.MaxSteps), nameof(PatchDpoTrainerOptions.BatchSize), Library, "TorchSharp" })
            shared[name] = header.Changeable[name];
        return shared;
    }

    private static string VersionOf(Type type)
        => type.Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? $"{type.Assembly.GetName().Version}";
}
