using System.Reflection;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms.Image;
using PatchDpo.Documents.Tests.Samples;
using PatchDpo.MLNet;
using PatchDpo.Torch.Personalization;

namespace PatchDpo.Documents.Tests;

/// <summary>The tables of docs/mlnet.md are what the components say of their schemas, with the models that ship.</summary>
public sealed class ComponentTableTests : IClassFixture<SampleFolder>, IDisposable
{
    private static readonly MethodInfo ShapeOf = typeof(SchemaShape).GetMethod("Create", BindingFlags.Static | BindingFlags.NonPublic)
        ?? throw new InvalidOperationException("ML.NET has no SchemaShape.Create any more.");

    private readonly MLContext _ml = new(seed: 1);
    private readonly PersonalizedModel _model = PersonalizedModel.LoadEmbedded();

    public void Dispose() => _model.Dispose();

    [SkippableTheory]
    [InlineData("LoadImages")]
    [InlineData("ComposeReferences")]
    [InlineData("ScorePatchQuality")]
    [InlineData("ScorePatchQuality, heat map and masks")]
    [InlineData("ScorePatchQuality, several objects")]
    [InlineData("EmbedImages")]
    [InlineData("EmbedText")]
    [InlineData("GeneratePersonalizedImages")]
    [InlineData("Trainers.PatchDpo")]
    [InlineData("Trainers.PatchEncoder")]
    public void The_table_of_a_component_is_what_it_reads_and_adds(string component)
    {
        string page = File.ReadAllText(Repository.PathOf("docs", "mlnet.md")).ReplaceLineEndings("\n");
        Assert.Contains($"\n### {component}\n", page, StringComparison.Ordinal);
        string section = page.Split($"\n### {component}\n")[1].Split("\n## ")[0].Split("\n### ")[0];
        string table = Table(Component(component));
        Assert.True(section.Contains(table, StringComparison.Ordinal), $"docs/mlnet.md, {component}: the table should be\n{table}");
    }

    [SkippableFact]
    public void The_page_has_the_table_of_every_component()
    {
        string page = File.ReadAllText(Repository.PathOf("docs", "mlnet.md"));
        string[] components =
        [
            .. typeof(PatchDpoCatalog).GetMethods().Concat(typeof(PatchDpoTrainersCatalog).GetMethods())
                .Where(m => m.ReturnType.GetInterfaces().Any(i => i.IsGenericType && i.GetGenericTypeDefinition() == typeof(IEstimator<>)))
                .Select(m => m.DeclaringType == typeof(PatchDpoTrainersCatalog) ? $"Trainers.{m.Name}" : m.Name).Distinct(),
        ];
        Assert.True(components.Length >= 7, $"Only {components.Length} components were found.");
        Assert.All(components, component => Assert.Contains($"\n### {component}\n", page, StringComparison.Ordinal));
    }

    private (IEstimator<ITransformer> Estimator, IDataView Data) Component(string name) => name switch
    {
        "LoadImages" => (_ml.PatchDpo.LoadImages("Image", "photos", "Path"), Paths()),
        "ComposeReferences" => (_ml.PatchDpo.ComposeReferences("Montage", "Reference", "Generated"), Images()),
        "ScorePatchQuality" => (_ml.PatchDpo.ScorePatchQuality("Generated", "Reference", ImageEncoder.Embedded), Images()),
        "ScorePatchQuality, heat map and masks" => (_ml.PatchDpo.ScorePatchQuality(ImageEncoder.Embedded, new PatchQualityScoringEstimator.Options
        {
            GeneratedMaskColumnName = "GeneratedMask",
            ReferenceMaskColumnName = "ReferenceMask",
            HeatMapColumnName = "HeatMap",
        }), Images()),
        "ScorePatchQuality, several objects" => (_ml.PatchDpo.ScorePatchQuality(ImageEncoder.Embedded, new PatchQualityScoringEstimator.Options
        {
            ObjectReferenceColumnNames = ["Cat", "Dog"],
        }), Images()),
        "EmbedImages" => (_ml.PatchDpo.EmbedImages("Embedding", ImageEncoder.EmbeddedDino, "Image"), Images()),
        "EmbedText" => (_ml.PatchDpo.EmbedText("Embedding", TextEncoder.Embedded, "Prompt"), Images()),
        "GeneratePersonalizedImages" => (_ml.PatchDpo.GeneratePersonalizedImages(_model, "Picture"), Images()),
        "Trainers.PatchDpo" => (_ml.PatchDpo.Trainers.PatchDpo(_model, maxSteps: 1), Scored()),
        "Trainers.PatchEncoder" => (_ml.PatchDpo.Trainers.PatchEncoder(ImageEncoder.Embedded, maxSteps: 1), Images()),
        _ => throw new ArgumentException(name),
    };

    // What it reads is what it cannot do without; what it adds, what the output has and the input had not (or had otherwise).
    private static string Table((IEstimator<ITransformer> Estimator, IDataView Data) component)
    {
        (IEstimator<ITransformer> estimator, IDataView data) = component;
        ITransformer transformer = estimator.Fit(data);
        using IDisposable? disposed = transformer as IDisposable;
        SchemaShape input = (SchemaShape)ShapeOf.Invoke(null, [data.Schema])!;
        DataViewSchema output = transformer.GetOutputSchema(data.Schema);
        DataViewSchema.Column[] added = [.. output.Where(c => c.Index >= data.Schema.Count)];
        DataViewSchema.Column[] fits = [.. data.Schema.Where(c => !c.IsHidden && Fails(() => estimator.GetOutputSchema(Without(input, c.Name))))];
        IRowToRowMapper mapper = transformer.GetRowToRowMapper(data.Schema);
        DataViewSchema.Column[] reads = [.. mapper.GetDependencies(added).Where(c => c.Index < data.Schema.Count)];

        // The estimator's promise names what the transformer delivers.
        Assert.Equal(output.Select(c => c.Name).Distinct().Order(), estimator.GetOutputSchema(input).Select(c => c.Name).Order());
        bool same = fits.Select(c => c.Index).Order().SequenceEqual(reads.Select(c => c.Index).Order());
        IEnumerable<string> rows = same ? Rows("reads", reads) : [.. Rows("reads to be fitted", fits), .. Rows("reads, fitted", reads)];
        return string.Join('\n', rows.Concat(Rows("adds", added)).Prepend("| --- | --- | --- |").Prepend("| | column | type |")) + "\n";
    }

    private static IEnumerable<string> Rows(string what, IEnumerable<DataViewSchema.Column> columns)
        => columns.Select(c => $"| {what} | `{c.Name}` | {NameOf(c.Type)} |");

    private static string NameOf(DataViewType type) => type switch
    {
        ImageDataViewType { Height: > 0 } image => $"`MLImage`, {image.Width} x {image.Height}",
        ImageDataViewType => "`MLImage`",
        VectorDataViewType vector => $"vector of {vector.ItemType}, [{string.Join(", ", vector.Dimensions)}]",
        TextDataViewType => "text",
        _ => type.ToString()!,
    };

    private static SchemaShape Without(SchemaShape shape, string column) => new(shape.Where(c => c.Name != column));

    private static bool Fails(Func<object> call)
    {
        try
        {
            call();
            return false;
        }
        catch (ArgumentOutOfRangeException)
        {
            return true;
        }
    }

    private IDataView Paths() => _ml.Data.LoadFromEnumerable([new { Prompt = "a cat, on a beach", Path = "cat.png" }]);

    private IDataView Images()
    {
        IDataView data = Paths();
        foreach (string column in new[] { "Image", "Reference", "Generated", "GeneratedMask", "ReferenceMask", "Cat", "Dog" })
            data = _ml.PatchDpo.LoadImages(column, column == "Generated" ? "generated" : "photos", "Path").Fit(data).Transform(data);
        return data;
    }

    private IDataView Scored()
    {
        IDataView images = Images();
        return _ml.PatchDpo.ScorePatchQuality("Generated", "Reference", ImageEncoder.Embedded).Fit(images).Transform(images);
    }
}
