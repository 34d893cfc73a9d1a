using Microsoft.ML;
using Microsoft.ML.Runtime;
using PatchDpo.MLNet.Interop;
using PatchDpo.Torch.Diffusion.Samplers;
using PatchDpo.Torch.Personalization;
using static TorchSharp.torch;
using Options = PatchDpo.MLNet.PersonalizedImageEstimator.Options;

namespace PatchDpo.MLNet;

/// <summary>
/// Generates an image for each row; made by <see cref="PersonalizedImageEstimator"/> and, with a tuned adapter, by <see cref="PatchDpoTrainer"/>.
/// </summary>
/// <remarks>
/// Saved with a model are the adapter's own weights, the type of the base model's, and where the base model is (a folder or a single file,
/// with the SHA-256 of its files, or that it is the embedded one), as well as its image encoder and its tokenizer where they lie elsewhere;
/// not the base model. Loading fails with a <see cref="ModelReferenceException"/> where one of these is gone or has changed.
/// </remarks>
public sealed class PersonalizedImageTransformer : BatchedTransformer
{
    /// <summary>
    /// The version that is written, that of the generation options in it. 1.4 has the columns of masks, names and boxes, and the automatic layout. 1.3 has the
    /// places of parts outside the model's folder, and the sampler that was chosen when it was loaded.
    /// </summary>
    internal const uint Version = GenerationOptionsFormat.Version;

    // From here on a model says where its image encoder and tokenizer lie, and which sampler was chosen.
    private const uint WithParts = 0x00010003;

    private const uint WithMasks = 0x00010004;

    internal static readonly ModelSignature Signature = new("PERSIMAG", "PatchDpoPersonalImages", Version);

    private const string AdapterEntry = "ip_adapter.safetensors";

    private readonly IHostEnvironment _env;
    private readonly PersonalizedModel _model;
    private readonly bool _ownsModel;
    private readonly Options _options;
    private readonly TruncationLog _truncated;
    private readonly PersonalizedImageMapping _mapping;

    internal PersonalizedImageTransformer(IHostEnvironment env, PersonalizedModel model, bool ownsModel, Options options)
    {
        _env = env;
        _model = model;
        _ownsModel = ownsModel;
        _options = options;
        _truncated = new TruncationLog(env, nameof(PersonalizedImageTransformer));
        _mapping = new PersonalizedImageMapping(model, options, _truncated);
    }

    /// <summary>The model that generates; it belongs to this transformer, or to who handed it to the estimator.</summary>
    /// <exception cref="ObjectDisposedException">The transformer was disposed.</exception>
    public PersonalizedModel Model
    {
        get
        {
            ThrowIfDisposed();
            return _model;
        }
    }

    /// <summary>
    /// How many prompts this transformer has read so far that have more tokens than the text encoder takes, and were cut; a row counts each time that
    /// it is read.
    /// </summary>
    /// <remarks>
    /// The rows are told by warnings of <see cref="MLContext.Log"/>; <see cref="GenerationOptions.RefuseTruncatedPrompts"/> makes them an error.
    /// </remarks>
    public long TruncatedPromptCount => _truncated.Count;

    internal override IBatchedMapping Mapping => _mapping;

    /// <summary>Writes the adapter as one IP-Adapter file: safetensors, or the official float16 <c>.bin</c>.</summary>
    /// <param name="path">The file, ending in <c>.safetensors</c> or <c>.bin</c>; replaced in one step where it exists.</param>
    /// <exception cref="ArgumentException">The name has another ending.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    /// <exception cref="ObjectDisposedException">The transformer was disposed.</exception>
    public void SaveAdapter(string path) => Model.SaveAdapter(path);

    /// <summary>A transformer of the same model with other columns or generation options.</summary>
    /// <param name="options">The columns and choices.</param>
    /// <returns>It shares this transformer's model, which stays this one's to dispose.</returns>
    /// <exception cref="ObjectDisposedException">The transformer was disposed.</exception>
    public PersonalizedImageTransformer With(Options options)
    {
        ThrowIfDisposed();
        ArgumentNullException.ThrowIfNull(options);
        return new PersonalizedImageTransformer(_env, _model, ownsModel: false, options);
    }

    private protected override void Release()
    {
        if (_ownsModel)
            _model.Dispose();
    }

    private protected override void Save(ModelSaveContext context)
    {
        BinaryWriter writer = ModelFormat.BeginSave(context, Signature);
        new ModelLocation(_model.FolderPath).Write(writer, ignoredFile: AdapterEntry);
        writer.Write(_model.DType.ToString());
        writer.Write(_model.AdapterScale);
        writer.Write(_options.PromptColumnName);
        writer.Write(_options.ReferenceColumnNames.Count);
        foreach (string name in _options.ReferenceColumnNames)
            writer.Write(name);
        writer.Write(_options.OutputColumnName);
        writer.Write(_options.NoiseIndexColumnName ?? "");
        GenerationOptionsFormat.Write(writer, _options.Generation);
        ModelLocation.WriteOptional(writer, _model.LoadOptions.ImageEncoderPath);
        ModelLocation.WriteOptional(writer, _model.LoadOptions.TokenizerPath);
        writer.Write(_model.LoadOptions.Sampler?.ToString() ?? "");
        foreach (IReadOnlyList<string>? columns in new[] { _options.MaskColumnNames, _options.NameColumnNames, _options.BoxColumnNames })
        {
            writer.Write(columns?.Count ?? 0);
            foreach (string name in columns ?? [])
                writer.Write(name);
        }
        ModelFormat.WriteEntry(context, AdapterEntry, _model.SaveAdapter);
    }

    // Found by ML.NET when a saved model names Signature.Loader.
    private static PersonalizedImageTransformer Create(IHostEnvironment env, object context)
    {
        BinaryReader reader = ModelFormat.BeginLoad(context, Signature);
        uint version = ModelFormat.WrittenVersion(context);
        string folder = ModelLocation.Read(reader).Folder;
        ScalarType dtype = Enum.Parse<ScalarType>(reader.ReadString());
        double adapterScale = reader.ReadDouble();
        string prompt = reader.ReadString();
        string[] references = Names(), masks = [], names = [], boxes = [];
        string output = reader.ReadString();
        string? noise = reader.ReadString() is { Length: > 0 } column ? column : null;
        GenerationOptions generation = GenerationOptionsFormat.Read(reader, version);
        var load = new PersonalizedModelOptions { Device = EnvironmentDevice.Of(env), DType = dtype };
        if (version >= WithParts)
        {
            load = load with
            {
                ImageEncoderPath = ModelLocation.ReadOptional(reader),
                TokenizerPath = ModelLocation.ReadOptional(reader),
                Sampler = reader.ReadString() is { Length: > 0 } sampler ? Enum.Parse<SamplerKind>(sampler) : null,
            };
        }
        if (version >= WithMasks)
            (masks, names, boxes) = (Names(), Names(), Names());
        var options = new Options
        {
            PromptColumnName = prompt,
            ReferenceColumnNames = references,
            MaskColumnNames = masks.Length > 0 ? masks : null,
            NameColumnNames = names.Length > 0 ? names : null,
            BoxColumnNames = boxes.Length > 0 ? boxes : null,
            OutputColumnName = output,
            NoiseIndexColumnName = noise,
            Generation = generation,
        };
        PersonalizedModel? model = null;
        ModelFormat.ReadEntry(context, AdapterEntry, stream => TemporaryFile.Use(path =>
        {
            using (var adapter = new FileStream(path, FileMode.CreateNew))
                stream.CopyTo(adapter);
            model = PersonalizedModel.Load(folder, load with { AdapterPath = path });
        }));
        model!.AdapterScale = adapterScale;
        return new PersonalizedImageTransformer(env, model, ownsModel: true, options);

        string[] Names() => Enumerable.Range(0, reader.ReadInt32()).Select(_ => reader.ReadString()).ToArray();
    }
}
