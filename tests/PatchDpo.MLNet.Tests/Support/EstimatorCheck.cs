using System.Reflection;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms.Image;

namespace PatchDpo.MLNet.Tests.Support;

/// <summary>What ML.NET's own tests check of every estimator, on ours.</summary>
internal static class EstimatorCheck
{
    private static readonly MethodInfo ShapeOfMethod = typeof(SchemaShape).GetMethod("Create", BindingFlags.Static | BindingFlags.NonPublic)
        ?? throw new InvalidOperationException("ML.NET has no SchemaShape.Create any more.");

    public static SchemaShape ShapeOf(DataViewSchema schema) => (SchemaShape)ShapeOfMethod.Invoke(null, [schema])!;

    /// <summary>Runs every check.</summary>
    /// <param name="ml">The context.</param>
    /// <param name="estimator">The estimator.</param>
    /// <param name="valid">Data that it takes.</param>
    /// <param name="invalid">Data whose schema it must refuse.</param>
    public static void Run(MLContext ml, IEstimator<ITransformer> estimator, IDataView valid, params IDataView[] invalid)
    {
        SchemaShape promised = estimator.GetOutputSchema(ShapeOf(valid.Schema));
        foreach (IDataView bad in invalid)
        {
            AssertRefused(() => estimator.GetOutputSchema(ShapeOf(bad.Schema)));
            AssertRefused(() => estimator.Fit(bad));
        }

        ITransformer fitted = estimator.Fit(valid);
        ITransformer loaded = Reload(ml, fitted, valid.Schema, out DataViewSchema loadedSchema);
        // A saved schema keeps no image columns: ML.NET's binary format has no codec for them.
        Assert.Equal(
            valid.Schema.Where(c => c.Type is not ImageDataViewType).Select(c => (c.Name, c.Type)),
            loadedSchema.Select(c => (c.Name, c.Type)));

        DataViewSchema delivered = fitted.GetOutputSchema(valid.Schema);
        AssertSame(delivered, loaded.GetOutputSchema(valid.Schema));
        AssertKeepsPromise(promised, ShapeOf(delivered));
        foreach (ITransformer transformer in new[] { fitted, loaded })
        {
            AssertSame(delivered, transformer.Transform(valid).Schema);
            Assert.True(transformer.IsRowToRowMapper);
            IRowToRowMapper mapper = transformer.GetRowToRowMapper(valid.Schema);
            Assert.Same(valid.Schema, mapper.InputSchema);
            AssertSame(delivered, mapper.OutputSchema);
            foreach (IDataView bad in invalid)
            {
                AssertRefused(() => transformer.GetOutputSchema(bad.Schema));
                AssertRefused(() => transformer.Transform(bad));
                AssertRefused(() => transformer.GetRowToRowMapper(bad.Schema));
            }
        }

        IDataView view = fitted.Transform(valid);
        List<object[]> all = RowReader.Read(view, view.Schema);
        Assert.NotEmpty(all);
        Assert.Equal(all, RowReader.Read(loaded.Transform(valid), loaded.Transform(valid).Schema));
        CheckSubsets(view, all);
        CheckIds(view);
        CheckRowMapper(fitted, valid, all);
        (fitted as IDisposable)?.Dispose();
        (loaded as IDisposable)?.Dispose();
    }

    public static ITransformer Reload(MLContext ml, ITransformer transformer, DataViewSchema inputSchema, out DataViewSchema loadedSchema)
    {
        using var stream = new MemoryStream();
        ml.Model.Save(transformer, inputSchema, stream);
        stream.Position = 0;
        return ml.Model.Load(stream, out loadedSchema);
    }

    public static void AssertRefused(Action action)
    {
        Exception? e = Record.Exception(action);
        Assert.True(e is ArgumentOutOfRangeException or InvalidOperationException, $"A bad schema gave {e?.ToString() ?? "no error"}.");
    }

    private static void CheckSubsets(IDataView view, List<object[]> all)
    {
        DataViewSchema.Column[] columns = view.Schema.ToArray();
        AssertColumns(view, columns.Where(c => c.Index % 2 == 0).ToArray(), all);
        AssertColumns(view, columns.Where(c => c.Index % 2 == 1).ToArray(), all);
        foreach (DataViewSchema.Column column in columns)
            AssertColumns(view, [column], all);
        using DataViewRowCursor cursor = view.GetRowCursorSet(columns, 3).Single();
        Assert.Equal(all, RowReader.Read(cursor, columns));
        Assert.Throws<ArgumentOutOfRangeException>(() =>
        {
            using DataViewRowCursor none = view.GetRowCursor([]);
            none.GetGetter<float>(columns[^1]);
        });
    }

    private static void AssertColumns(IDataView view, DataViewSchema.Column[] columns, List<object[]> all)
    {
        List<object[]> read = RowReader.Read(view, columns);
        Assert.Equal(all.Select(row => columns.Select(c => row[c.Index]).ToArray()), read);
    }

    private static void CheckIds(IDataView view)
    {
        using DataViewRowCursor cursor = view.GetRowCursor([]);
        Assert.Same(view.Schema, cursor.Schema);
        ValueGetter<DataViewRowId> getter = cursor.GetIdGetter();
        var ids = new HashSet<DataViewRowId>();
        while (cursor.MoveNext())
        {
            DataViewRowId id = default;
            getter(ref id);
            Assert.True(ids.Add(id), "A row id occurs twice.");
        }
    }

    /// <summary>One row at a time gives what batches give.</summary>
    private static void CheckRowMapper(ITransformer fitted, IDataView valid, List<object[]> all)
    {
        IRowToRowMapper mapper = fitted.GetRowToRowMapper(valid.Schema);
        DataViewSchema.Column[] columns = mapper.OutputSchema.ToArray();
        DataViewSchema.Column[] needed = mapper.GetDependencies(columns).ToArray();
        Assert.Equal(valid.Schema.Count, needed.Length);
        using DataViewRowCursor source = valid.GetRowCursor(needed);
        using DataViewRow row = mapper.GetRow(source, columns);
        Func<object>[] readers = columns.Select(c => RowReader.Reader(row, c)).ToArray();
        for (int i = 0; source.MoveNext(); i++)
            AssertClose(all[i], readers.Select(r => r()).ToArray());
    }

    // A batch of one may take another kernel than a batch of many: the last bits may differ.
    private static void AssertClose(object[] expected, object[] actual)
    {
        for (int i = 0; i < expected.Length; i++)
        {
            if (expected[i] is float f)
                Assert.Equal(f, (float)actual[i], 1e-4f);
            else if (expected[i] is float[] vector)
                Assert.All(vector.Zip((float[])actual[i]), p => Assert.Equal(p.First, p.Second, 1e-4f));
            else if (expected[i] is byte[] bytes)
                Assert.All(bytes.Zip((byte[])actual[i]), p => Assert.InRange(p.First - p.Second, -1, 1));
            else
                Assert.Equal(expected[i], actual[i]);
        }
    }

    private static void AssertSame(DataViewSchema expected, DataViewSchema actual)
    {
        Assert.Equal(expected.Select(c => (c.Name, c.Type, c.IsHidden)), actual.Select(c => (c.Name, c.Type, c.IsHidden)));
        Assert.Equal(
            expected.SelectMany(c => c.Annotations.Schema.Select(a => (c.Name, a.Name, a.Type))),
            actual.SelectMany(c => c.Annotations.Schema.Select(a => (c.Name, a.Name, a.Type))));
    }

    private static void AssertKeepsPromise(SchemaShape promised, SchemaShape delivered)
        => Assert.Equal(
            promised.OrderBy(c => c.Name).Select(Describe),
            delivered.OrderBy(c => c.Name).Select(Describe));

    private static string Describe(SchemaShape.Column c)
        => $"{c.Name}: {c.Kind} of {(c.ItemType is ImageDataViewType ? "Image" : c.ItemType)}, key {c.IsKey}, annotations {string.Join(",", c.Annotations.Select(a => a.Name).Order())}";
}
