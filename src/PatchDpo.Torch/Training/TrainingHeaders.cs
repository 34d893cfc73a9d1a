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

    // The first three and the probe decide nothing of what is learned; the length, the checkpoints and other folders may change.
    private static readonly string[] NotCompared = [nameof(PatchDpoTrainerOptions.Progress), nameof(PatchDpoTrainerOptions.MaxPromptCharacters),
        nameof(PatchDpoTrainerOptions.RefuseTruncatedPrompts), nameof(PatchDpoTrainerOptions.MaxSteps), nameof(PatchDpoTrainerOptions.State),
        nameof(PatchDpoTrainerOptions.Store), nameof(PatchDpoTrainerOptions.LogFolder), nameof(PatchDpoTrainerOptions.Probe)];

    /// <summary>Options, model and data of a training.</summary>
    /// <param name="options">With a state.</param>
    /// <param name="model">What it starts from.</param>
    /// <param name="pairs">What it trains on.</param>
    /// <param name="batch">Pairs in a batch.</param>
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
        TrainingStateOptions state = options.State!;
        SortedDictionary<string, string> changeable = new(StringComparer.Ordinal)
        {
            [nameof(options.MaxSteps)] = string.Create(CultureInfo.InvariantCulture, $"{options.MaxSteps}"),
            [nameof(state.Interval)] = string.Create(CultureInfo.InvariantCulture, $"{state.Interval}"),
            [nameof(state.KeepLast)] = string.Create(CultureInfo.InvariantCulture, $"{state.KeepLast}"),
            [nameof(state.KeepEvery)] = state.KeepEvery is int every ? string.Create(CultureInfo.InvariantCulture, $"{every}") : "none",
            ["Device"] = $"{model.Device}",
            ["Threads"] = string.Create(CultureInfo.InvariantCulture, $"{torch.get_num_threads()}"),
            ["PatchDpo.Torch"] = VersionOf(typeof(TrainingHeaders)),
            ["TorchSharp"] = VersionOf(typeof(torch)),
        };
        return new TrainingHeader(settings, changeable, (long)batch * options.GradientAccumulation);
    }

    private static string VersionOf(Type type)
        => type.Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? $"{type.Assembly.GetName().Version}";
}
