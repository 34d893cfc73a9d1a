using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms.Image;

namespace PatchDpo.MLNet.Tests.Support;

/// <summary>A prompt, an image of each of two objects and a generated image.</summary>
internal sealed class ObjectsRow
{
    public string Prompt { get; set; } = "";

    [ImageType(TestImages.Size, TestImages.Size)]
    public MLImage? First { get; set; }

    [ImageType(TestImages.Size, TestImages.Size)]
    public MLImage? Second { get; set; }

    [ImageType(TestImages.Size, TestImages.Size)]
    public MLImage? Generated { get; set; }

    /// <summary>Rows with other objects each.</summary>
    /// <param name="ml">The context.</param>
    /// <param name="count">How many.</param>
    /// <param name="withoutSecond">The row that lacks its second object, or -1.</param>
    public static IDataView Rows(MLContext ml, int count, int withoutSecond = -1)
        => ml.Data.LoadFromEnumerable(Enumerable.Range(0, count).Select(i => new ObjectsRow
        {
            Prompt = $"a cube number {i} and another",
            First = TestImages.Draw(i),
            Second = i == withoutSecond ? null : TestImages.Draw(20 + i),
            Generated = TestImages.Draw(40 + i),
        }).ToArray());
}
