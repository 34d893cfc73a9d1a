using System.Globalization;
using System.Numerics;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.Weights;

namespace PatchDpo.Torch.Encoders;

/// <summary>How an encoder was used when it was saved, in the metadata of its safetensors file.</summary>
internal static class StoredEncoderOptions
{
    private const string Stages = "patch_stages", PatchSize = "patch_size", ImageSize = "image_size", Mean = "image_mean", Deviation = "image_std";

    // Of heads that were saved when earlier stages could only join as a whole.
    private const string OldStage = "patch_stage", OldEarlier = "with_earlier_stages";

    // A deviation is divided by.
    private const double Smallest = 1e-6;

    /// <summary>The metadata for an encoder; only what torch writes where it leaves no choice.</summary>
    public static Dictionary<string, string> Describe(IVisionEncoder encoder)
    {
        Dictionary<string, string> metadata = new() { ["format"] = "pt" };
        if (encoder is not IConfiguredEncoder { Options: VisionEncoderOptions options })
            return metadata;
        if (options.PatchStages is { } stages)
            metadata[Stages] = string.Join(',', stages);
        if (options.PatchSize is int patch)
            metadata[PatchSize] = $"{patch}";
        if (options.ImageSize is int image)
            metadata[ImageSize] = $"{image}";
        if (options.Normalization is PixelNormalization normalization)
            (metadata[Mean], metadata[Deviation]) = (Text(normalization.Mean), Text(normalization.Std));
        return metadata;
    }

    /// <summary>Options with what a file says where they say nothing.</summary>
    /// <exception cref="WeightsFormatException">The file says something impossible.</exception>
    public static VisionEncoderOptions Complete(VisionEncoderOptions options, ITensorFile file)
    {
        IReadOnlyDictionary<string, string> metadata = file.Metadata;
        int? oldStage = Number(OldStage);
        int[]? stages = metadata.TryGetValue(Stages, out string? list) ? [.. list.Split(',').Select(s => Parsed(Stages, s))]
            : oldStage is not int stage ? null : Number(OldEarlier) == 1 ? [.. Enumerable.Range(1, stage)] : [stage];
        if (stages is not null && (stages.Length > ConfigFields.MaxLevels || stages.Distinct().Count() != stages.Length))
            throw Fault(Stages, list!, "no list of different stages");
        return options with
        {
            PatchStages = options.PatchStages ?? stages,
            PatchSize = options.PatchSize ?? Number(PatchSize),
            ImageSize = options.ImageSize ?? Number(ImageSize),
            Normalization = options.Normalization
                ?? (metadata.ContainsKey(Mean) || metadata.ContainsKey(Deviation)
                    ? new PixelNormalization(Numbers(Mean, 0), Numbers(Deviation, Smallest)) : null),
            CoarsestStageDecides = options.CoarsestStageDecides || (oldStage is not null && options.PatchStages is null && options.PatchSize is null),
        };

        int? Number(string name)
        {
            if (!metadata.TryGetValue(name, out string? text))
                return null;
            int number = Parsed(name, text);
            return name != PatchSize || BitOperations.IsPow2(number) ? number : throw Fault(name, text, "no power of two");
        }

        int Parsed(string name, string text)
            => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number is > 0 and <= ConfigFields.MaxSide ? number
                : throw Fault(name, text, $"no number of 1 to {ConfigFields.MaxSide}");

        double[] Numbers(string name, double least)
        {
            string text = metadata.GetValueOrDefault(name, "");
            string[] parts = text.Split(',');
            double[] numbers = [.. parts.Select(p => double.TryParse(p, NumberStyles.Float, CultureInfo.InvariantCulture, out double v) ? v : double.NaN)];
            return numbers.Length == 3 && numbers.All(v => double.IsFinite(v) && v >= least) ? numbers
                : throw Fault(name, text, "not three numbers, for red, green and blue");
        }

        WeightsFormatException Fault(string name, string text, string what)
            => new(file.Path, null, $"its metadata say '{text}' for '{name}', which is {what}.");
    }

    private static string Text(IEnumerable<double> values) => string.Join(',', values.Select(v => v.ToString("R", CultureInfo.InvariantCulture)));
}
