using Microsoft.ML;
using Microsoft.ML.Runtime;
using PatchDpo.MLNet.Interop;
using PatchDpo.Torch.Images;

namespace PatchDpo.MLNet.Tests.Support;

/// <summary>A component without a model, for tests of what all components share.</summary>
internal sealed class MeanColorEstimator(string image = "Image", string prompt = "Prompt", int batchSize = 4) : IEstimator<ITransformer>
{
    public MeanColorTransformer Fit(IDataView input)
    {
        var transformer = new MeanColorTransformer(image, prompt, batchSize);
        transformer.GetOutputSchema(input.Schema);
        return transformer;
    }

    ITransformer IEstimator<ITransformer>.Fit(IDataView input) => Fit(input);

    public SchemaShape GetOutputSchema(SchemaShape inputSchema)
    {
        var mapping = new MeanColorMapping(image, prompt, batchSize);
        return SchemaShapes.Append(inputSchema, mapping.Inputs, mapping.Outputs);
    }
}

internal sealed class MeanColorTransformer(string image, string prompt, int batchSize) : BatchedTransformer
{
    public static readonly ModelSignature Signature = new("MEANCOLR", "PatchDpoTestMeanColor");

    public MeanColorMapping Counts { get; } = new(image, prompt, batchSize);

    public bool Disposed { get; private set; }

    internal override IBatchedMapping Mapping => Counts;

    private protected override void Release() => Disposed = true;

    private protected override void Save(ModelSaveContext context)
    {
        BinaryWriter writer = ModelFormat.BeginSave(context, Signature);
        writer.Write(Counts.Image);
        writer.Write(Counts.Prompt);
        ModelFormat.WriteEntry(context, "BatchSize", stream => stream.WriteByte((byte)Counts.BatchSize));
    }

    internal static MeanColorTransformer Create(IHostEnvironment env, object context)
    {
        Assert.NotNull(env);
        BinaryReader reader = ModelFormat.BeginLoad(context, Signature);
        (string image, string prompt, int batchSize) = (reader.ReadString(), reader.ReadString(), 0);
        ModelFormat.ReadEntry(context, "BatchSize", stream => batchSize = stream.ReadByte());
        return new MeanColorTransformer(image, prompt, batchSize);
    }
}

internal sealed class MeanColorMapping(string image, string prompt, int batchSize)
    : BatchedMapping<(ImageBuffer Image, string Prompt), (float[] Mean, float Length)>
{
    private readonly ImageInput _image = new(image);
    private readonly TextInput _prompt = new(prompt, maxLength: 100, allowEmpty: true);

    public string Image => image;

    public string Prompt => prompt;

    public int Calls { get; private set; }

    public int Rows { get; private set; }

    public int Images { get; private set; }

    /// <summary>Computing the row whose prompt ends with this number fails.</summary>
    public int FailsAt { get; set; } = -1;

    public override int BatchSize => batchSize;

    public override IReadOnlyList<RowInput> Inputs => [_image, _prompt];

    public override IReadOnlyList<RowOutput<(float[] Mean, float Length)>> Outputs =>
    [
        RowOutput.Vector<(float[] Mean, float Length)>("Mean", [1, 3], o => o.Mean),
        RowOutput.Single<(float[] Mean, float Length)>("Length", o => o.Length),
        RowOutput.Image<(float[] Mean, float Length)>("Pixel", (1, 1), o =>
        {
            Images++;
            return new ImageBuffer(1, 1, 3, o.Mean.Select(v => (byte)v).ToArray());
        }),
    ];

    public void ResetCounts() => Calls = Rows = Images = 0;

    public override Func<(ImageBuffer Image, string Prompt)> Reader(DataViewRow row)
    {
        Func<ImageBuffer> readImage = _image.Reader(row);
        Func<string> readPrompt = _prompt.Reader(row);
        return () => (readImage(), readPrompt());
    }

    public override IReadOnlyList<(float[] Mean, float Length)> Compute(IReadOnlyList<(ImageBuffer Image, string Prompt)> rows)
    {
        Calls++;
        Rows += rows.Count;
        if (rows.Any(r => r.Prompt.EndsWith($" number {FailsAt}", StringComparison.Ordinal)))
            throw new InvalidOperationException($"{FailsAt}");
        return rows.Select(r => (Mean(r.Image), (float)r.Prompt.Length)).ToArray();
    }

    private static float[] Mean(ImageBuffer image)
        => Enumerable.Range(0, 3)
            .Select(c => (float)Enumerable.Range(0, image.Width * image.Height).Average(i => image.Pixels[(i * image.Channels) + c]))
            .ToArray();
}
