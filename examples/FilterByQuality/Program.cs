// Scores a table of image pairs and keeps the rows whose generated image is faithful to its reference.
using FilterByQuality;
using Microsoft.ML;
using PatchDpo.MLNet;
using PatchDpo.Torch.Images;
using ProceduralCharacters;

const float LeastQuality = 0.97f;
string folder = Directory.CreateDirectory(Path.Combine("output", "filter-by-quality")).FullName;
string table = Path.Combine(folder, "pairs.tsv");
DrawPairs();

var ml = new MLContext(seed: 1);
IDataView pairs = ml.Data.LoadFromTextFile<Pair>(table, hasHeader: true);
var scoring = ml.PatchDpo.LoadImages("Reference", folder, nameof(Pair.ReferencePath))
    .Append(ml.PatchDpo.LoadImages("Generated", folder, nameof(Pair.GeneratedPath)))
    .Append(ml.PatchDpo.ScorePatchQuality("Generated", "Reference", ImageEncoder.Embedded))
    .Append(ml.Transforms.SelectColumns(nameof(Pair.ReferencePath), nameof(Pair.GeneratedPath), nameof(ScoredPair.PatchQualityScore)));
// The rows are read twice below, and scored once.
IDataView scored = ml.Data.Cache(scoring.Fit(pairs).Transform(pairs));
IDataView kept = ml.Data.FilterRowsByColumn(scored, nameof(ScoredPair.PatchQualityScore), lowerBound: LeastQuality);

foreach (ScoredPair pair in ml.Data.CreateEnumerable<ScoredPair>(scored, reuseRowObject: false))
    Console.WriteLine($"{pair.PatchQualityScore:F3}  {(pair.PatchQualityScore >= LeastQuality ? "kept   " : "dropped")}  {pair.GeneratedPath}");
string file = Path.Combine(folder, "kept.tsv");
using (FileStream stream = File.Create(file))
    ml.Data.SaveAsText(kept, stream, schema: false);
Console.WriteLine($"written to '{file}'");

// In place of a generator, so that the faults are known: each picture shows its reference with 0 to 3 parts in wrong colours.
void DrawPairs()
{
    List<string> lines = ["ReferencePath\tGeneratedPath"];
    for (int i = 0; i < 12; i++)
    {
        Character character = Character.Random(i, (CharacterKind)(i % 6));
        (string reference, string generated) = ($"{i:D2}_reference.png", $"{i:D2}_{i % 4}_wrong_parts.png");
        ImageFile.SavePng(Path.Combine(folder, reference), CharacterRenderer.RenderReference(character).Image);
        Character drawn = i % 4 == 0 ? character : character.WithChangedParts(i % 4, seed: i);
        ImageFile.SavePng(Path.Combine(folder, generated), CharacterRenderer.RenderReference(drawn).Image);
        lines.Add($"{reference}\t{generated}");
    }
    File.WriteAllLines(table, lines);
}
