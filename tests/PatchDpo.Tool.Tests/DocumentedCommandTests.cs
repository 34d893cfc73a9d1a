using System.Text.RegularExpressions;

namespace PatchDpo.Tool.Tests;

/// <summary>The commands of README and docs, those too that need models which no one has here, name options that there are.</summary>
public sealed partial class DocumentedCommandTests
{
    [SkippableFact]
    public void Each_option_of_a_documented_command_is_listed_in_its_help()
    {
        DirectoryInfo? folder = new(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "PatchDpo.sln")))
            folder = folder.Parent;
        Skip.If(folder is null, "The repository's documents are not here.");
        ILookup<string, string> used = Directory.GetFiles(Path.Combine(folder.FullName, "docs"), "*.md").Append(Path.Combine(folder.FullName, "README.md"))
            .SelectMany(page => Block().Matches(File.ReadAllText(page).ReplaceLineEndings("\n")))
            .SelectMany(block => Continued().Replace(block.Groups["code"].Value, " ").Split('\n'))
            .Select(line => Command().Match(Quoted().Replace(line.Split(" #")[0], "text")))
            .Where(match => match.Success)
            .SelectMany(match => Option().Matches(match.Groups["rest"].Value).Select(o => (Command: match.Groups["name"].Value, Option: o.Value)))
            .ToLookup(use => use.Command, use => use.Option);
        Assert.True(used.Count >= 8, $"Only {used.Count} commands were found.");
        foreach (IGrouping<string, string> command in used)
        {
            string[] path = command.Key.Split(' ');
            (int exitCode, string help, _) = Tool.RunText(path[0], [.. path[1..], "--help"]);
            Assert.True(exitCode == 0, $"The documents have the command '{command.Key}', which the program has not.");
            Assert.All(command.Distinct(), option => Assert.Matches($@"(?<![\w-]){Regex.Escape(option)}(?![\w-])", help));
        }
    }

    [GeneratedRegex(@"```bash\n(?<code>.*?)```", RegexOptions.Singleline)]
    private static partial Regex Block();

    [GeneratedRegex(@"\\\n\s*")]
    private static partial Regex Continued();

    [GeneratedRegex("\"[^\"]*\"")]
    private static partial Regex Quoted();

    [GeneratedRegex(@"(?<![\w./-])(?:tools/patchdpo -- |patchdpo )(?<name>score (?:separation|matching)|[a-z-]+)(?<rest>.*)")]
    private static partial Regex Command();

    [GeneratedRegex(@"(?<=\s)--[a-z][a-z0-9-]*")]
    private static partial Regex Option();
}
