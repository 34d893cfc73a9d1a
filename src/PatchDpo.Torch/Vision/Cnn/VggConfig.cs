using System.Globalization;
using System.Text.RegularExpressions;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.Weights;

namespace PatchDpo.Torch.Vision.Cnn;

/// <summary>The shape of a torchvision VGG without batch normalisation.</summary>
/// <remarks>Source: torchvision 0.14 <c>models/vgg.py</c>. torchvision has no configuration file; the JSON fields are ours.</remarks>
internal sealed partial record VggConfig
{
    /// <summary>Stands for a pooling layer in <see cref="Layers"/>, as "M" does in torchvision.</summary>
    public const int Pool = 0;

    /// <summary>VGG-16.</summary>
    public static VggConfig Vgg16 { get; } = new()
    {
        Layers = [64, 64, Pool, 128, 128, Pool, 256, 256, 256, Pool, 512, 512, 512, Pool, 512, 512, 512, Pool],
    };

    /// <summary>The output channels of each 3 x 3 convolution, and <see cref="Pool"/> for each pooling; the last is a pooling.</summary>
    public required IReadOnlyList<int> Layers
    {
        get;
        init => field = value is { Count: > 1 } && value.All(n => n >= 0) && value[^1] == Pool && value[0] != Pool
            ? [.. value]
            : throw new ArgumentException("The layers are channel counts and poolings, a convolution first and a pooling last.", nameof(Layers));
    }

    /// <summary>Outputs of the classifier, or null for none. Default: 1000 (ImageNet).</summary>
    public int? NumClasses { get; init => field = value is int v ? ArgumentRange.Within(v, 1) : null; } = 1000;

    /// <summary>How many poolings there are.</summary>
    internal int Stages => Layers.Count(n => n == Pool);

    /// <summary>Reads <c>layers</c> (channels, and 0 for a pooling) and <c>num_classes</c>.</summary>
    /// <exception cref="ModelConfigException">A field is missing or has a value that the model cannot take.</exception>
    public static VggConfig FromJson(ModelConfig json)
    {
        ArgumentNullException.ThrowIfNull(json);
        int[] layers = json.GetInt32Array("layers");
        if (layers.Length > ConfigFields.MaxLayers || layers.Any(n => n > ConfigFields.MaxSize) || layers.Count(n => n == Pool) > ConfigFields.MaxLevels)
            throw json.Fault("layers", $"at most {ConfigFields.MaxLayers} layers, {ConfigFields.MaxSize} channels and {ConfigFields.MaxLevels} poolings are "
                + "supported.");
        try
        {
            return new VggConfig { Layers = layers, NumClasses = json.GetPositive("num_classes", 1000) };
        }
        catch (ArgumentException e)
        {
            throw json.Fault("layers", e.Message);
        }
    }

    /// <summary>Reads the shape off a state dict: a convolution and its ReLU take two numbers, a pooling one, which shows as a gap.</summary>
    /// <exception cref="UnknownModelException">A tensor is missing or has another shape.</exception>
    internal static VggConfig FromWeights(ITensorSource state)
    {
        int[] convolutions = [.. state.Keys.Select(k => Convolution().Match(k)).Where(m => m.Success)
            .Select(m => int.Parse(m.Groups["index"].ValueSpan, CultureInfo.InvariantCulture)).Order()];
        List<int> layers = [];
        int next = 0;
        foreach (int index in convolutions)
        {
            string key = $"features.{index}.weight";
            if (index == next + 1 && layers.Count > 0)
                layers.Add(Pool);
            else if (index != next)
                throw new UnknownModelException(state.Path, key, "a VGG without batch normalisation has no convolution at this place.");
            layers.Add(state.Dimensions(key, null, null, 3, 3)[0]);
            next = index + 2;
        }
        layers.Add(Pool);
        if (layers.Count(n => n == Pool) > ConfigFields.MaxLevels)
            throw new UnknownModelException(state.Path, null, $"its convolutions leave room for more than {ConfigFields.MaxLevels} poolings.");
        return new VggConfig
        {
            Layers = layers,
            NumClasses = state.Keys.Contains("classifier.6.weight") ? state.Dimensions("classifier.6.weight", null, null)[0] : null,
        };
    }

    // Few digits: a larger number is no layer's.
    [GeneratedRegex(@"^features\.(?<index>\d{1,4})\.weight$", RegexOptions.CultureInvariant)]
    private static partial Regex Convolution();
}
