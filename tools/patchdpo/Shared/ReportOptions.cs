using System.Collections;
using System.CommandLine;
using System.Globalization;
using PatchDpo.Torch.Reports;

namespace PatchDpo.Tool.Shared;

/// <summary>The options that say whether a command writes a page for people.</summary>
internal sealed class ReportOptions
{
    private static readonly HtmlReport Defaults = new("defaults");

    private readonly Option<FileInfo?> _file = new("--report")
    {
        Description = "Also write one self-contained HTML page: figures with intervals, a table of all images, the worst with their heat maps.",
    };

    private readonly Option<int> _pictures = new("--report-pictures")
    {
        Description = "How many images the page shows with pictures, the worst first, at most 1000; it has all of them in its table.",
        DefaultValueFactory = _ => Defaults.MaxPictures,
    };

    /// <summary>Adds them to a command.</summary>
    public void AddTo(Command command)
    {
        command.Add(_file);
        command.Add(_pictures);
    }

    /// <summary>The page to write; null where none was asked for. That it can be written is known before anything is computed.</summary>
    /// <exception cref="InputException">The number of pictures is out of range, or the path is a folder.</exception>
    /// <exception cref="IOException">It cannot be written.</exception>
    public ReportFile? Read(ParseResult arguments)
    {
        if (arguments.GetValue(_file)?.FullName is not string path)
            return null;
        if (Directory.Exists(path))
            throw new InputException($"The report '{path}' is a folder, where a file is expected.");
        int pictures = arguments.GetValue(_pictures);
        if (pictures is < 0 or > 1_000)
            throw new InputException("--report-pictures must be 0 to 1000.");
        OutputFolder.Check(Path.GetDirectoryName(path)!);
        return new ReportFile(path, pictures, [.. Configuration(arguments)]);
    }

    private static IEnumerable<KeyValuePair<string, string>> Configuration(ParseResult arguments)
    {
        Command command = arguments.CommandResult.Command;
        yield return new("Command", $"patchdpo {command.Name}");
        foreach (Argument argument in command.Arguments)
            if (arguments.GetResult(argument) is { Tokens.Count: > 0 } given)
                yield return new(argument.Name, string.Join(' ', given.Tokens.Select(t => t.Value)));
        foreach (Option option in command.Options.Where(o => o.Name is not ("--help" or "--report" or "--version")))
        {
            if (arguments.GetResult(option) is { Implicit: false } given)
                yield return new(option.Name, given.Tokens.Count == 0 ? "yes" : string.Join(' ', given.Tokens.Select(t => t.Value)));
            else if (option.HasDefaultValue && Text(option.GetDefaultValue()) is { Length: > 0 } text)
                yield return new(option.Name, $"{text} (default)");
        }
    }

    private static string? Text(object? value) => value switch
    {
        // An option that is not given says nothing.
        null or false => null,
        string text => text,
        IEnumerable list => string.Join(' ', list.Cast<object>().Select(Text)),
        _ => Convert.ToString(value, CultureInfo.InvariantCulture),
    };
}
