using System.Text.RegularExpressions;
using System.Xml.Linq;
using PatchDpo.MLNet;

namespace PatchDpo.Documents.Tests;

/// <summary>The examples of the XML documentation are the samples that are compiled and run here.</summary>
public sealed partial class ExampleTests
{
    [SkippableFact]
    public void Each_example_is_a_compiled_sample_word_for_word()
    {
        Dictionary<string, string> samples = Samples();
        Dictionary<string, string> examples = Examples();
        Assert.True(samples.Count >= 15, $"Only {samples.Count} samples were found.");
        Assert.Equal(samples.Keys.Order(), examples.Keys.Order());
        Assert.All(examples, example => Assert.Equal(samples[example.Key], example.Value));
    }

    [SkippableTheory]
    [InlineData(typeof(PatchDpoCatalog))]
    [InlineData(typeof(PatchDpoTrainersCatalog))]
    public void Each_method_of_the_catalog_stands_in_a_sample(Type catalog)
    {
        string code = string.Join('\n', Samples().Values);
        string[] methods = [.. catalog.GetMethods().Where(m => m.DeclaringType == catalog && !m.IsSpecialName).Select(m => m.Name).Distinct()];
        Assert.NotEmpty(methods);
        Assert.All(methods, method => Assert.Contains($".{method}(", code, StringComparison.Ordinal));
    }

    // A region has the name of the member in whose documentation it stands.
    private static Dictionary<string, string> Samples()
        => Directory.GetFiles(Repository.PathOf("tests", "PatchDpo.Documents.Tests", "Samples"), "*.cs")
            .SelectMany(file => Region().Matches(File.ReadAllText(file)))
            .ToDictionary(m => m.Groups["name"].Value, m => Dedented(m.Groups["code"].Value));

    private static Dictionary<string, string> Examples()
        => new[] { "PatchDpo.Torch", "PatchDpo.MLNet" }
            .SelectMany(assembly => XDocument.Load(Path.Combine(AppContext.BaseDirectory, assembly + ".xml")).Descendants("member"))
            .SelectMany(member => member.Elements("example").Elements("code").Select(code => (Name: NameOf(member), code.Value)))
            .ToDictionary(e => e.Name, e => Dedented(e.Value));

    // "M:Namespace.Type.Method(System.String)" without its kind and parameters.
    private static string NameOf(XElement member) => member.Attribute("name")!.Value[2..].Split('(')[0];

    private static string Dedented(string code)
    {
        string[] lines = code.ReplaceLineEndings("\n").Split('\n');
        int indent = lines.Where(l => l.Trim().Length > 0).Min(l => l.Length - l.TrimStart().Length);
        return string.Join('\n', lines.Select(l => l.Length > indent ? l[indent..].TrimEnd() : "")).Trim('\n');
    }

    [GeneratedRegex(@"#region (?<name>PatchDpo\.\S+)\r?\n(?<code>.*?)\n\s*#endregion", RegexOptions.Singleline)]
    private static partial Regex Region();
}
