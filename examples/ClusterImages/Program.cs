// Image embeddings are columns like any other: they go into a clusterer, which sees no label, and into a classifier.
using ClusterImages;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms;
using PatchDpo.MLNet;
using PatchDpo.Torch.Images;
using ProceduralCharacters;

string folder = Directory.CreateDirectory(Path.Combine("output", "cluster-images")).FullName;
CharacterKind[] kinds = Enum.GetValues<CharacterKind>();
DrawnImage[] drawn = [.. Enumerable.Range(0, 120).Select(Draw)];

var ml = new MLContext(seed: 1);
IDataView images = ml.Data.LoadFromEnumerable(drawn);
EstimatorChain<ColumnSelectingTransformer> embedding = ml.PatchDpo.LoadImages("Image", folder, nameof(DrawnImage.Path))
    .Append(ml.PatchDpo.EmbedImages("Features", ImageEncoder.EmbeddedClip, "Image"))
    .Append(ml.Transforms.NormalizeLpNorm("Features"))
    .Append(ml.Transforms.Conversion.MapValueToKey("Label", nameof(DrawnImage.Kind)))
    .Append(ml.Transforms.SelectColumns("Features", "Label", nameof(DrawnImage.Kind)));
// Both trainers pass over the rows many times; each image is encoded once.
IDataView embedded = ml.Data.Cache(embedding.Fit(images).Transform(images));

ITransformer clusters = ml.Clustering.Trainers.KMeans("Features", numberOfClusters: kinds.Length).Fit(embedded);
IDataView clustered = clusters.Transform(embedded);
ClusteringMetrics found = ml.Clustering.Evaluate(clustered, labelColumnName: "Label", scoreColumnName: "Score", featureColumnName: "Features");
Console.WriteLine($"k-means: normalised mutual information with the kinds {found.NormalizedMutualInformation:F3} (1: the clusters are the kinds)");
IEnumerable<ClusteredImage> members = ml.Data.CreateEnumerable<ClusteredImage>(clustered, reuseRowObject: false);
foreach (IGrouping<uint, ClusteredImage> cluster in members.GroupBy(i => i.PredictedLabel).OrderBy(c => c.Key))
{
    IEnumerable<KeyValuePair<string, int>> counts = cluster.CountBy(i => i.Kind).OrderByDescending(k => k.Value);
    Console.WriteLine($"  cluster {cluster.Key}: {string.Join(", ", counts.Select(k => $"{k.Value} {k.Key}"))}");
}

IReadOnlyList<TrainCatalogBase.CrossValidationResult<MulticlassClassificationMetrics>> folds = ml.MulticlassClassification.CrossValidate(
    embedded, ml.MulticlassClassification.Trainers.SdcaMaximumEntropy(), numberOfFolds: 5);
Console.WriteLine($"linear classifier, 5 folds: {folds.Average(f => f.Metrics.MicroAccuracy):P1} right");

DrawnImage Draw(int i)
{
    CharacterKind kind = kinds[i % kinds.Length];
    string path = $"{i:D3}.png";
    ImageFile.SavePng(Path.Combine(folder, path), CharacterRenderer.Render(Character.Random(i, kind), Prompt.Random(kind, i), i).Image);
    return new DrawnImage { Path = path, Kind = kind.ToString() };
}
