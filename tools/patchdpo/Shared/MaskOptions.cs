using System.CommandLine;

namespace PatchDpo.Tool.Shared;

/// <summary>The options that say which part of an image counts for patch quality.</summary>
internal sealed class MaskOptions
{
    private readonly Option<DirectoryInfo?> _generated = new("--mask-dir")
    {
        Description = "Folder with a mask of each generated image, light where the object is: under the image's name and sub-folder, in any format. "
            + "Only the object then counts for patch quality.",
    };

    private readonly Option<DirectoryInfo?> _references = new("--reference-mask-dir") { Description = "The same for the references." };

    private readonly Option<bool> _plainBackground = new("--ignore-plain-background")
    {
        Description = "Only the object counts where a reference shows it on a plain background.",
    };

    /// <summary>The rule of plain backgrounds, which other commands have too.</summary>
    public Option<bool> PlainBackground => _plainBackground;

    /// <summary>Adds them to a command.</summary>
    public void AddTo(Command command)
    {
        command.Add(_generated);
        command.Add(_references);
        command.Add(_plainBackground);
    }

    /// <summary>The folders, or null, and the rule.</summary>
    /// <exception cref="InputException">There is no such folder, or masks of references are both given and looked for.</exception>
    public (string? Generated, string? References, bool IgnorePlainBackground) Read(ParseResult arguments)
    {
        bool plain = arguments.GetValue(_plainBackground);
        (string? generated, string? references) = (Existing(_generated), Existing(_references));
        return plain && references is not null
            ? throw new InputException("--ignore-plain-background finds the references' masks itself; it cannot be given with --reference-mask-dir.")
            : (generated, references, plain);

        string? Existing(Option<DirectoryInfo?> option) => arguments.GetValue(option) is not DirectoryInfo folder ? null
            : folder.Exists ? folder.FullName : throw new InputException($"There is no folder '{folder.FullName}'.");
    }
}
