using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms.Image;
using PatchDpo.MLNet.Interop;
using PatchDpo.MLNet.Tests.Support;

namespace PatchDpo.MLNet.Tests.Interop;

public class BatchedMappingTests
{
    private readonly MLContext _ml = new(1);

    public BatchedMappingTests()
        => ModelFormat.Register(_ml.ComponentCatalog, [(MeanColorTransformer.Signature, typeof(MeanColorTransformer))]);

    [Fact]
    public void A_component_passes_what_MLNET_checks_of_its_own()
        => EstimatorCheck.Run(_ml, new MeanColorEstimator(), TestImages.Rows(_ml, 10), TestImages.WithoutImages(_ml), TestImages.WrongTypes(_ml));

    [Fact]
    public void Batches_grow_from_one_row_to_the_batch_size()
    {
        (IDataView view, MeanColorMapping counts) = Apply(10);
        Assert.Equal(10, view.GetColumn<float>("Length").Count());
        // 1, 2, 4 and what is left.
        Assert.Equal((4, 10, 0), (counts.Calls, counts.Rows, counts.Images));
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 3)]
    [InlineData(3, 3)]
    [InlineData(5, 7)]
    public void The_first_rows_cost_less_than_twice_as_many(int taken, int computed)
    {
        (IDataView view, MeanColorMapping counts) = Apply(100);
        Assert.Equal(taken, _ml.Data.TakeRows(view, taken).GetColumn<float>("Length").Count());
        Assert.Equal(computed, counts.Rows);
    }

    [Fact]
    public void A_row_that_cannot_be_computed_fails_alone_and_its_neighbours_are_what_they_were()
    {
        IDataView source = TestImages.Rows(_ml, 12);
        float[] expected = [.. new MeanColorEstimator().Fit(source).Transform(source).GetColumn<float>("Length")];
        MeanColorTransformer transformer = new MeanColorEstimator().Fit(source);
        transformer.Counts.FailsAt = 9;
        IDataView view = transformer.Transform(source);
        using DataViewRowCursor cursor = view.GetRowCursor([view.Schema["Length"]]);
        ValueGetter<float> getter = cursor.GetGetter<float>(view.Schema["Length"]);
        for (int i = 0; cursor.MoveNext(); i++)
        {
            float length = 0;
            if (i == 9)
                Assert.Equal("9", Assert.Throws<InvalidOperationException>(() => getter(ref length)).Message);
            else
            {
                getter(ref length);
                Assert.Equal(expected[i], length);
            }
        }
    }

    [Fact]
    public void Nothing_is_computed_where_no_computed_column_is_read()
    {
        (IDataView view, MeanColorMapping counts) = Apply(10);
        Assert.Equal(Enumerable.Range(0, 10), view.GetColumn<int>("Id"));
        using (DataViewRowCursor cursor = view.GetRowCursor(view.Schema))
            while (cursor.MoveNext()) { }
        Assert.Equal(0, counts.Calls);
    }

    [Fact]
    public void Columns_of_one_row_are_computed_together()
    {
        (IDataView view, MeanColorMapping counts) = Apply(10);
        Assert.Equal(10, RowReader.Read(view, "Mean", "Length", "Pixel").Count);
        Assert.Equal((4, 10, 10), (counts.Calls, counts.Rows, counts.Images));
    }

    [Fact]
    public void Skipped_rows_are_not_computed()
    {
        (IDataView view, MeanColorMapping counts) = Apply(10);
        float[] all = view.GetColumn<float>("Length").ToArray();
        counts.ResetCounts();
        Assert.Equal(all[5..7], _ml.Data.TakeRows(_ml.Data.SkipRows(view, 5), 2).GetColumn<float>("Length"));
        Assert.InRange(counts.Rows, 2, 4);
    }

    [Fact]
    public void An_unreadable_row_fails_by_name_when_it_is_its_turn_and_spoils_no_other()
    {
        IEnumerable<TestImages.ImageRow> rows = Enumerable.Range(0, 6).Select(
            i => new TestImages.ImageRow { Id = i, Prompt = "a cube", Image = i == 2 ? null : TestImages.Draw(i) });
        IDataView source = _ml.Data.LoadFromEnumerable(rows.ToArray());
        IDataView view = new MeanColorEstimator().Fit(source).Transform(source);
        using DataViewRowCursor cursor = view.GetRowCursor([view.Schema["Length"]]);
        ValueGetter<float> getter = cursor.GetGetter<float>(view.Schema["Length"]);
        for (int i = 0; cursor.MoveNext(); i++)
        {
            float length = 0;
            if (i == 2)
            {
                InvalidRowException e = Assert.Throws<InvalidRowException>(() => getter(ref length));
                Assert.Equal((2, "Image"), (e.Row, e.Column));
                Assert.Contains("Row 2, column 'Image'", e.Message, StringComparison.Ordinal);
            }
            else
            {
                getter(ref length);
                Assert.Equal(6, length);
            }
        }
    }

    [Fact]
    public void A_text_that_is_too_long_names_its_row()
    {
        IDataView source = _ml.Data.LoadFromEnumerable(Enumerable.Range(0, 3)
            .Select(i => new TestImages.ImageRow { Prompt = new string('x', 99 + i), Image = TestImages.Draw(i) }).ToArray());
        IDataView view = new MeanColorEstimator().Fit(source).Transform(source);
        InvalidRowException e = Assert.Throws<InvalidRowException>(() => view.GetColumn<float>("Length").ToArray());
        Assert.Equal((2, "Prompt"), (e.Row, e.Column));
    }

    [Fact]
    public void Schema_faults_name_the_column_and_the_type()
    {
        var transformer = new MeanColorTransformer("Image", "Prompt", 4);
        ArgumentOutOfRangeException missing = Assert.Throws<ArgumentOutOfRangeException>(
            () => transformer.GetOutputSchema(TestImages.WithoutImages(_ml).Schema));
        Assert.Contains("Could not find input column 'Image'", missing.Message, StringComparison.Ordinal);
        ArgumentOutOfRangeException wrong = Assert.Throws<ArgumentOutOfRangeException>(() => transformer.GetOutputSchema(TestImages.WrongTypes(_ml).Schema));
        Assert.Contains("'Image': expected Image, got String", wrong.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_empty_view_gives_no_rows_and_computes_nothing()
    {
        (IDataView view, MeanColorMapping counts) = Apply(0);
        Assert.Empty(view.GetColumn<float>("Length"));
        Assert.Equal(0, counts.Calls);
    }

    [Fact]
    public void It_composes_with_MLNETs_own_transforms_and_trainers()
    {
        IDataView source = TestImages.Rows(_ml, 10);
        IEstimator<ITransformer> pipeline = _ml.Transforms.ResizeImages("Small", 20, 30, "Image", ImageResizingEstimator.ResizingKind.IsoPad)
            .Append(new MeanColorEstimator("Small"))
            .Append(_ml.Transforms.Concatenate("Features", "Mean"))
            .Append(_ml.Transforms.NormalizeMinMax("Features"))
            .Append(_ml.Transforms.ExtractPixels("Raw", "Pixel"))
            .AppendCacheCheckpoint(_ml)
            .Append(_ml.Regression.Trainers.Sdca("Length", "Features", maximumNumberOfIterations: 2));
        IDataView view = pipeline.Fit(source).Transform(source);
        Assert.Equal(10, view.GetColumn<float>("Score").Count(float.IsFinite));
        Assert.Equal(3, view.GetColumn<float[]>("Raw").First().Length);
    }

    [Fact]
    public void Shuffling_splitting_and_caching_keep_rows_together()
    {
        (IDataView view, MeanColorMapping counts) = Apply(10);
        Dictionary<int, float> expected = Lengths(view);
        Assert.Equal(expected, Lengths(_ml.Data.ShuffleRows(view, seed: 3)));
        DataOperationsCatalog.TrainTestData split = _ml.Data.TrainTestSplit(view, 0.5);
        Assert.Equal(expected, Lengths(split.TrainSet).Concat(Lengths(split.TestSet)).ToDictionary());

        counts.ResetCounts();
        IDataView cached = _ml.Data.Cache(view, "Id", "Length");
        Assert.Equal(expected, Lengths(cached));
        Assert.Equal(expected, Lengths(cached));
        Assert.Equal(10, counts.Rows);
    }

    [Fact]
    public void Rows_shuffled_before_it_keep_their_own_results()
    {
        using var folder = new ImageFolder(10);
        IDataView rows = folder.Rows(_ml, 10);
        ITransformer model = _ml.Transforms.LoadImages("Image", null, "ImagePath").Append(new MeanColorEstimator()).Fit(rows);
        object[] Means(IDataView view) => RowReader.Read(view, "Id", "Mean").OrderBy(r => (int)r[0]).Select(r => r[1]).ToArray();
        Assert.Equal(Means(model.Transform(rows)), Means(model.Transform(_ml.Data.ShuffleRows(rows, seed: 3))));
    }

    [Fact]
    public void A_source_that_changes_between_readings_is_noticed()
    {
        int reading = 0;
        IDataView source = _ml.Data.FilterByCustomPredicate<TestImages.ImageRow>(TestImages.Rows(_ml, 10), row => row.Id == 0 && reading++ == 0);
        IDataView view = new MeanColorEstimator().Fit(source).Transform(source);
        Assert.Throws<InvalidOperationException>(() => RowReader.Read(view, "Id", "Length"));
    }

    [Fact]
    public void A_prediction_engine_computes_one_row_at_a_time()
    {
        IDataView source = TestImages.Rows(_ml, 3);
        MeanColorTransformer transformer = new MeanColorEstimator().Fit(source);
        using PredictionEngine<TestImages.ImageRow, LengthRow> engine = _ml.Model.CreatePredictionEngine<TestImages.ImageRow, LengthRow>(transformer);
        Assert.Equal(4, engine.Predict(new TestImages.ImageRow { Prompt = "cube", Image = TestImages.Draw(1) }).Length);
        Assert.Equal(5, engine.Predict(new TestImages.ImageRow { Prompt = "cubes", Image = TestImages.Draw(1) }).Length);
        Assert.Equal(2, transformer.Counts.Calls);
    }

    private (IDataView View, MeanColorMapping Counts) Apply(int rows)
    {
        IDataView source = TestImages.Rows(_ml, rows);
        MeanColorTransformer transformer = new MeanColorEstimator().Fit(source);
        return (transformer.Transform(source), transformer.Counts);
    }

    private static Dictionary<int, float> Lengths(IDataView view)
        => RowReader.Read(view, "Id", "Length").ToDictionary(r => (int)r[0], r => (float)r[1]).OrderBy(p => p.Key).ToDictionary();

    private sealed class LengthRow
    {
        public float Length { get; set; }
    }
}
