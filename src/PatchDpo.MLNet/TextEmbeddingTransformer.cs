using Microsoft.ML;
using Microsoft.ML.Runtime;
using PatchDpo.MLNet.Interop;
using PatchDpo.Torch.Clip;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Personalization;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.MLNet;

/// <summary>Embeds texts; made by <see cref="TextEmbeddingEstimator"/>.</summary>
/// <remarks>Saved is where the encoder is, not its weights, as with <see cref="PatchQualityScoringTransformer"/>.</remarks>
public sealed class TextEmbeddingTransformer : EmbeddingTransformer
{
    // 1.2 says whether texts that are cut are refused; before, none was.
    private const uint WithRefusal = 0x00010002;

    internal static readonly ModelSignature Signature = new("TXTEMBED", "PatchDpoTextEmbedding", WithRefusal);

    private readonly ClipTextEncoder _encoder;
    private readonly ClipTokenizer _tokenizer;
    private readonly TextEncoder _source;
    private readonly bool _refuseTruncated;
    private readonly TruncationLog _truncated;

    private TextEmbeddingTransformer(
        IHostEnvironment env, ClipTextEncoder encoder, ClipTokenizer tokenizer, TextEncoder source, EmbeddingColumns columns, bool refuseTruncated)
        : base(columns)
    {
        _refuseTruncated = refuseTruncated;
        _truncated = new TruncationLog(env, nameof(TextEmbeddingTransformer));
        _encoder = encoder;
        _tokenizer = tokenizer;
        _source = source;
        var input = new PromptInput(columns.Input, GenerationOptions.DefaultMaxPromptCharacters, tokenizer.FindTruncated, refuseTruncated, _truncated, allowEmpty: true);
        int dimension = encoder.Config.ProjectionDim ?? encoder.Config.HiddenSize;
        Map(dimension, new TextEmbeddingMapping(input, columns, dimension, Embed));
    }

    /// <summary>
    /// How many texts this transformer has read so far that have more tokens than the encoder takes, and were cut; a row counts each time that it is
    /// read.
    /// </summary>
    public long TruncatedTextCount => _truncated.Count;

    private protected override void Release() => _encoder.Dispose();

    internal static TextInput InputOf(EmbeddingColumns columns) => new(columns.Input, GenerationOptions.DefaultMaxPromptCharacters, allowEmpty: true);

    internal static TextEmbeddingTransformer Open(IHostEnvironment env, TextEncoder source, EmbeddingColumns columns, bool refuseTruncated)
    {
        ClipTokenizer tokenizer = ClipTokenizer.FromFolder(source.Folder);
        ClipTextEncoder encoder = ClipTextEncoder.FromFolder(source.Folder, EnvironmentDevice.Of(env));
        return Owning(encoder, () =>
        {
            tokenizer.CheckIds(encoder.Config);
            return new TextEmbeddingTransformer(env, encoder, tokenizer, source, columns, refuseTruncated);
        });
    }

    private protected override void Save(ModelSaveContext context)
    {
        BinaryWriter writer = ModelFormat.BeginSave(context, Signature);
        _source.Write(writer);
        Columns.Write(writer);
        writer.Write(_refuseTruncated);
    }

    // Found by ML.NET when a saved model names Signature.Loader.
    private static TextEmbeddingTransformer Create(IHostEnvironment env, object context)
    {
        BinaryReader reader = ModelFormat.BeginLoad(context, Signature);
        return Open(env, TextEncoder.Read(reader), EmbeddingColumns.Read(reader), ModelFormat.WrittenVersion(context) >= WithRefusal && reader.ReadBoolean());
    }

    private IReadOnlyList<float[]> Embed(IReadOnlyList<string> texts)
    {
        using DisposeScope scope = NewDisposeScope();
        ClipTextOutput output = _encoder.Encode(_tokenizer.EncodeBatch(texts).to(_encoder.Device));
        Tensor embeddings = output.TextEmbeds ?? output.Pooled;
        FiniteOutput.Check(embeddings, "The text encoder", _encoder, "text embeddings", i => $"text {i}");
        return TensorRows.ToArrays(embeddings);
    }
}
