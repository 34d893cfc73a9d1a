using Microsoft.ML;
using Microsoft.ML.Runtime;
using PatchDpo.MLNet.Interop;
using PatchDpo.Torch.Personalization;
using PatchDpo.Torch.Text;
using static TorchSharp.torch;

namespace PatchDpo.MLNet;

/// <summary>Embeds texts; made by <see cref="TextEmbeddingEstimator"/>.</summary>
/// <remarks>Saved is where the encoder is, not its weights, as with <see cref="PatchQualityScoringTransformer"/>.</remarks>
public sealed class TextEmbeddingTransformer : BatchedTransformer
{
    internal static readonly ModelSignature Signature = new("TXTEMBED", "PatchDpoTextEmbedding");

    private readonly ClipTextEncoder _encoder;
    private readonly ClipTokenizer _tokenizer;
    private readonly TextEncoder _source;
    private readonly EmbeddingColumns _columns;
    private readonly EmbeddingMapping<string> _mapping;

    private TextEmbeddingTransformer(ClipTextEncoder encoder, ClipTokenizer tokenizer, TextEncoder source, EmbeddingColumns columns)
    {
        _encoder = encoder;
        _tokenizer = tokenizer;
        _source = source;
        _columns = columns;
        Dimension = encoder.Config.ProjectionDim ?? encoder.Config.HiddenSize;
        _mapping = new EmbeddingMapping<string>(InputOf(columns), columns.Output, Dimension, columns.BatchSize, Embed);
    }

    /// <summary>The length of an embedding.</summary>
    public int Dimension { get; }

    internal override IBatchedMapping Mapping => _mapping;

    private protected override void Release() => _encoder.Dispose();

    internal static TextInput InputOf(EmbeddingColumns columns) => new(columns.Input, GenerationOptions.DefaultMaxPromptCharacters);

    internal static TextEmbeddingTransformer Open(IHostEnvironment env, TextEncoder source, EmbeddingColumns columns)
    {
        ClipTokenizer tokenizer = ClipTokenizer.FromFolder(source.Folder);
        return new TextEmbeddingTransformer(ClipTextEncoder.FromFolder(source.Folder, EnvironmentDevice.Of(env)), tokenizer, source, columns);
    }

    private protected override void Save(ModelSaveContext context)
    {
        BinaryWriter writer = ModelFormat.BeginSave(context, Signature);
        _source.Write(writer);
        _columns.Write(writer);
    }

    // Found by ML.NET when a saved model names Signature.Loader.
    private static TextEmbeddingTransformer Create(IHostEnvironment env, object context)
    {
        BinaryReader reader = ModelFormat.BeginLoad(context, Signature);
        return Open(env, TextEncoder.Read(reader), EmbeddingColumns.Read(reader));
    }

    private IReadOnlyList<float[]> Embed(IReadOnlyList<string> texts)
    {
        using var scope = NewDisposeScope();
        ClipTextOutput output = _encoder.Encode(_tokenizer.EncodeBatch(texts).to(_encoder.Device));
        return TensorRows.ToArrays(output.TextEmbeds ?? output.Pooled);
    }
}
