using Microsoft.ML;
using Microsoft.ML.Data;
using PatchDpo.MLNet.Interop;
using PatchDpo.MLNet.Tests.Support;
using PatchDpo.Torch.Images;

namespace PatchDpo.MLNet.Tests;

public sealed class ReferenceMontageTests
{
    private readonly MLContext _ml = new(1);

    [Fact]
    public void It_passes_what_MLNET_checks_of_its_own()
        => EstimatorCheck.Run(_ml, _ml.PatchDpo.ComposeReferences("Reference", ["First", "Second", "Generated"], 30), ObjectsRow.Rows(_ml, 3),
            TestImages.Rows(_ml, 1), TestImages.WrongTypes(_ml));

    [Fact]
    public void Columns_stand_in_order_from_left_to_right()
    {
        (IDataView rows, ImageBuffer[] first, ImageBuffer[] second) = Rows(2);
        IDataView view = _ml.PatchDpo.ComposeReferences("Reference", ["Second", "First"], 40).Fit(rows).Transform(rows);
        ImageBuffer[] montages = [.. view.GetColumn<MLImage>("Reference").Select(MLImages.ToImageBuffer)];
        Assert.Equal(2, montages.Length);
        for (int i = 0; i < 2; i++)
            Assert.Equal(ReferenceMontage.Compose([second[i], first[i]], 40).Pixels, montages[i].Pixels);
    }

    [Fact]
    public void The_side_is_512_unless_told()
    {
        IDataView rows = ObjectsRow.Rows(_ml, 1);
        MLImage image = _ml.PatchDpo.ComposeReferences("Reference", "First", "Second").Fit(rows).Transform(rows).GetColumn<MLImage>("Reference").Single();
        Assert.Equal((512, 512), (image.Width, image.Height));
    }

    [Fact]
    public void A_missing_image_names_its_row_and_column()
    {
        IDataView rows = ObjectsRow.Rows(_ml, 3, withoutSecond: 1);
        IDataView view = _ml.PatchDpo.ComposeReferences("Reference", "First", "Second").Fit(rows).Transform(rows);
        InvalidRowException e = Assert.Throws<InvalidRowException>(() => view.GetColumn<MLImage>("Reference").Count());
        Assert.Equal((1, "Second"), (e.Row, e.Column));
    }

    [Fact]
    public void What_cannot_be_composed_is_refused_at_once()
    {
        Assert.Throws<ArgumentException>(() => _ml.PatchDpo.ComposeReferences("Reference"));
        Assert.Throws<ArgumentException>(() => _ml.PatchDpo.ComposeReferences("", "First"));
        Assert.Throws<ArgumentException>(() => _ml.PatchDpo.ComposeReferences("Reference", "First", ""));
        Assert.Throws<ArgumentNullException>(() => _ml.PatchDpo.ComposeReferences("Reference", null!, 64));
        Assert.Throws<ArgumentOutOfRangeException>("size", () => _ml.PatchDpo.ComposeReferences("Reference", ["First", "Second"], 1));
    }

    private (IDataView Rows, ImageBuffer[] First, ImageBuffer[] Second) Rows(int count)
    {
        ImageBuffer[] Drawn(int seed) => [.. Enumerable.Range(seed, count).Select(i =>
        {
            using MLImage image = TestImages.Draw(i);
            return MLImages.ToImageBuffer(image);
        })];
        return (ObjectsRow.Rows(_ml, count), Drawn(0), Drawn(20));
    }
}
