using System.Text.RegularExpressions;

namespace PatchDpo.Torch.Tests.Models;

/// <summary>
/// Small models of every kind with one field of one configuration changed: they load and work or are refused by name, at once and in little memory.
/// </summary>
public sealed partial class ConfigurationMutationTests
{
    // A share of the changes that PatchDpo.Fuzz --configurations makes in all; prime, so that it takes other values of each field.
    private const int Every = 23;

    [Fact]
    public void Every_field_of_every_configuration_has_documented_outcomes_only()
    {
        (int exitCode, string output, string errors) = ChildProcess.Finish(
            ChildProcess.StartAssembly("PatchDpo.Fuzz.dll", "--configurations", "--every", $"{Every}"));
        string[] findings = [.. output.Split('\n').Where(l => l.StartsWith("FINDING", StringComparison.Ordinal))];
        Assert.True(exitCode == 0, string.Join('\n', findings) + errors);
        Assert.InRange(int.Parse(Total().Match(output).Groups[1].Value), 2000, 20_000);
    }

    [GeneratedRegex(@"(\d+) configurations of \d+, ")]
    private static partial Regex Total();
}
