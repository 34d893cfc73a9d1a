using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms.Image;

namespace PatchDpo.MLNet.Tests.Support;

/// <summary>A prompt, a reference and a generated image.</summary>
internal sealed class PairRow
{
    public int Id { get; set; }

    public string Subject { get; set; } = "";

    public string Prompt { get; set; } = "";

    [ImageType(TestImages.Size, TestImages.Size)]
    public MLImage? Generated { get; set; }

    [ImageType(TestImages.Size, TestImages.Size)]
    public MLImage? Reference { get; set; }

    /// <summary>Rows of which the first shows the same image twice.</summary>
    public static IDataView Rows(MLContext ml, int count)
        => ml.Data.LoadFromEnumerable(Enumerable.Range(0, count).Select(i => new PairRow
        {
            Id = i,
            Subject = $"subject {i / 2}",
            Prompt = $"a cube number {i}",
            Generated = TestImages.Draw(i),
            Reference = TestImages.Draw(i / 2 * 2),
        }).ToArray());
}
