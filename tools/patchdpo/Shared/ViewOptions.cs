using System.CommandLine;
using PatchDpo.Torch.PatchQuality;

namespace PatchDpo.Tool.Shared;

/// <summary>The options that say in which views patches may match a reference.</summary>
internal sealed class ViewOptions
{
    private readonly Option<double[]> _scales = new("--reference-scales")
    {
        Description = "Sizes of further views of each reference that patches may match, as shares of its own, at least 0.25 and below 1: for prompts that ask "
            + "for a small object, 0.5. Each is encoded once a reference. Default: none.",
        AllowMultipleArgumentsPerToken = true,
    };

    private readonly Option<double[]> _tilts = new("--reference-tilts")
    {
        Description = "Tilts of further views of each reference that patches may match, above 1 and at most 4: its width divided by each, and its height, for "
            + "planes that the other picture shows obliquely. Default: none.",
        AllowMultipleArgumentsPerToken = true,
    };

    private readonly Option<bool> _mirrored = new("--mirrored-references")
    {
        Description = "Patches may match each reference mirrored, too: for prompts that turn the object. Doubles the views.",
    };

    /// <summary>Adds them to a command.</summary>
    public void AddTo(Command command)
    {
        command.Add(_scales);
        command.Add(_tilts);
        command.Add(_mirrored);
    }

    /// <summary>What follows an encoder's title: nothing without views.</summary>
    public static string Describe(ReferenceViews? views)
    {
        if (views is null)
            return "";
        string[] mirrored = views.Mirrored ? ["mirrored"] : [];
        string[] parts = [.. views.Scales.Select(s => $"{s:0.##} of its size"), .. views.Tilts.Select(t => $"tilted by {t:0.##}"), .. mirrored];
        return $", views of the reference: {string.Join(", ", parts)}";
    }

    /// <summary>Where objects are aligned there are no views.</summary>
    /// <exception cref="InputException">There are.</exception>
    public static void RefuseBesideAlignment(ReferenceViews? views)
    {
        if (views is not null)
            throw new InputException("--align-objects goes without views of the references: it tries the reference's size, mirrored too, itself.");
    }

    /// <summary>The views; null: none is asked for.</summary>
    /// <exception cref="InputException">A scale or tilt is impossible, or appears twice.</exception>
    public ReferenceViews? Read(ParseResult arguments)
    {
        double[] scales = arguments.GetValue(_scales) ?? [];
        double[] tilts = arguments.GetValue(_tilts) ?? [];
        bool mirrored = arguments.GetValue(_mirrored);
        try
        {
            return scales.Length + tilts.Length == 0 && !mirrored ? null : new ReferenceViews { Scales = scales, Tilts = tilts, Mirrored = mirrored };
        }
        catch (ArgumentException e)
        {
            throw new InputException($"{(e.ParamName == nameof(ReferenceViews.Tilts) ? _tilts.Name : _scales.Name)}: {e.Message}");
        }
    }
}
