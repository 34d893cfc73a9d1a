using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace PatchDpo.Documents.Tests;

/// <summary>The C# of README and docs compiles. A comment before a block, <c>&lt;!-- given: Tensor x, ... --&gt;</c>, says what it takes as there.</summary>
public sealed partial class CodeBlockTests
{
    // What the documents' tables hold: read from files with these columns.
    private const string Rows = """
        public sealed class Pair
        {
            [LoadColumn(0)] public string Prompt { get; set; } = "";
            [LoadColumn(1)] public string ReferencePath { get; set; } = "";
            [LoadColumn(2)] public string GeneratedPath { get; set; } = "";
        }

        public sealed class PromptRow
        {
            [LoadColumn(0)] public string Prompt { get; set; } = "";
        }

        public sealed class Picture
        {
            public MLImage? Generated { get; set; }
        }
        """;

    private static readonly string[] Namespaces =
    [
        "System", "System.Collections.Generic", "System.IO", "System.Linq", "Microsoft.ML", "Microsoft.ML.Data", "TorchSharp", "PatchDpo.MLNet", "PatchDpo.Mpi",
        "PatchDpo.Torch.DataConstruction", "PatchDpo.Torch.Encoders", "PatchDpo.Torch.Evaluation", "PatchDpo.Torch.Foundation", "PatchDpo.Torch.Images",
        "PatchDpo.Torch.Loop", "PatchDpo.Torch.Pairs", "PatchDpo.Torch.PatchQuality", "PatchDpo.Torch.Personalization", "PatchDpo.Torch.Reports",
        "PatchDpo.Torch.Training.Data", "PatchDpo.Torch.Training.Probes",
    ];

    // Two of that name; the documents mean ML.NET's wherever they speak of a trainer.
    private const string Aliases = """
        using PatchDpoTrainer = PatchDpo.MLNet.PatchDpoTrainer;
        using PatchDpoTrainerOptions = PatchDpo.Torch.Training.PatchDpoTrainerOptions;
        using static TorchSharp.torch;
        """;

    public static TheoryData<string> Documents
        => [.. Repository.Root is null ? ["README.md"] : Directory.GetFiles(Path.Combine(Repository.Root, "docs"), "*.md")
            .Where(file => File.ReadAllText(file).Contains("```csharp", StringComparison.Ordinal)).Select(file => $"docs/{Path.GetFileName(file)}")
            .Prepend("README.md")];

    [SkippableTheory]
    [MemberData(nameof(Documents))]
    public void The_code_of_a_document_compiles(string document)
    {
        string text = File.ReadAllText(Repository.PathOf(document.Split('/'))).ReplaceLineEndings("\n");
        Match[] blocks = Block().Matches(text).ToArray();
        Assert.NotEmpty(blocks);
        foreach (Match block in blocks)
        {
            int line = text.AsSpan(0, block.Groups["code"].Index).Count('\n') + 1;
            string program = Program(block.Groups["code"].Value, block.Groups["given"].Value);
            Diagnostic[] errors = [.. Compile(program).Where(d => d.Severity == DiagnosticSeverity.Error)];
            Assert.True(errors.Length == 0, $"{document}, the block at line {line}: {string.Join("; ", errors.Select(e => e.ToString()))}");
        }
    }

    [Fact]
    public void What_does_not_compile_is_found()
        => Assert.Contains(Compile(Program("new MLContext().PatchDpo.NoSuchMethod();\n", "")), d => d.Id == "CS1061");

    // Statements stand in a method; members, which a block shows where it has no statement, in the class.
    private static string Program(string code, string given)
    {
        string body = code.StartsWith("private static ", StringComparison.Ordinal)
            ? code
            : $"{(Returns().IsMatch(code) ? "object?" : "void")} Run({given})\n{{\n{code}}}";
        return $"{string.Concat(Namespaces.Select(n => $"using {n};\n"))}{Aliases}\n{Rows}\npublic class Sample\n{{\n{body}\n}}\n";
    }

    private static IEnumerable<Diagnostic> Compile(string program)
        => CSharpCompilation.Create("Sample", [CSharpSyntaxTree.ParseText(program)], References.All,
            new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary, nullableContextOptions: NullableContextOptions.Enable)).GetDiagnostics();

    [GeneratedRegex(@"(<!-- given: (?<given>[^\n]*?) -->\n)?```csharp\n(?<code>.*?\n)```", RegexOptions.Singleline)]
    private static partial Regex Block();

    [GeneratedRegex(@"^\s*return ", RegexOptions.Multiline)]
    private static partial Regex Returns();
}
