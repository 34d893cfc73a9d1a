using PatchDpo.Torch.Diffusion.UNet;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.Weights;
using PatchDpo.Torch.Weights.Pickle;
using PatchDpo.Torch.Weights.Safetensors;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Adapters.Elite;

/// <summary>ELITE's weights: the published pair of flat state dicts, or one file with both behind <c>global_mapper.</c> and <c>local_mapper.</c>.</summary>
internal static class EliteFile
{
    private const string Mapping = "mapping_", LastLayer = "mapping_0.6.weight";

    // The published mappers' largest is 1,280.
    private const int MaxSize = 1_000_000;

    /// <summary>Says what is wrong with the files that their keys and widths tell, before anything is read.</summary>
    /// <exception cref="UnknownModelException">The name does not tell which mapper it is, or the model has two text encoders.</exception>
    /// <exception cref="ModelFileNotFoundException">The other mapper is missing.</exception>
    /// <exception cref="WeightsFormatException">A mapper's sizes cannot be told.</exception>
    /// <exception cref="StateDictMismatchException">The words have another width than the model's text.</exception>
    public static void Check(string path, UNetConfig config)
    {
        using EliteSource source = EliteSource.Open(path);
        if (config.HasTextTimeEmbedding)
            throw new UnknownModelException(path, null,
                "this is ELITE, which puts words into one text encoder (Stable Diffusion 1.4, 1.5); the model has two.");
        foreach ((ITensorFile file, string prefix) in new[] { source.Global, source.Local })
        {
            (_, _, int words) = Sizes(file, prefix);
            int[] own = [.. config.CrossAttentionDims.Distinct()];
            if (!own.Contains(words))
                throw new StateDictMismatchException(file.Path, [], [], [$"{KeyText.Quote(prefix + LastLayer)}: the mapper gives words of width {words}, the "
                    + $"UNet takes text of width {string.Join(" or ", own)}"], "the mapper is for another model; ELITE's is Stable Diffusion 1.4.");
        }
    }

    /// <summary>Reads both mappers.</summary>
    /// <param name="path">Either file of the pair, or the file with both.</param>
    /// <param name="config">The configuration of the UNet that they belong to.</param>
    /// <param name="device">Where they are put.</param>
    /// <param name="dtype">The type of the mappers' weights; those of the layers are float32.</param>
    /// <returns>The adapter in evaluation mode, the caller's to dispose.</returns>
    /// <exception cref="StateDictMismatchException">The weights do not fit the UNet.</exception>
    public static EliteModel Read(string path, UNetConfig config, Device device, ScalarType dtype)
    {
        using EliteSource source = EliteSource.Open(path);
        // On the meta device: the sizes are the files' word, and only what their tensors confirm gets memory.
        EliteModel model = new(Make(source.Global), Make(source.Local), new EliteLayers(config, TorchRuntime.Meta));
        try
        {
            Load(source.Global, model.Global, model.Layers.Global, device, dtype);
            Load(source.Local, model.Local, model.Layers.Local, device, dtype);
        }
        catch
        {
            model.Dispose();
            throw;
        }
        foreach (nn.Module module in new nn.Module[] { model.Global, model.Local, model.Layers })
            module.eval();
        return model;

        EliteMapper Make((ITensorFile, string) mapper)
        {
            (int input, int hidden, int output) = Sizes(mapper.Item1, mapper.Item2);
            return new EliteMapper(input, hidden, output, TorchRuntime.Meta);
        }
    }

    /// <summary>Fills a mapper and its keys and values, which are float32 where they have no memory yet.</summary>
    public static void Load((ITensorFile File, string Prefix) source, EliteMapper mapper, EliteKeysAndValues keysAndValues, Device device, ScalarType dtype)
    {
        static bool IsMapping(string key) => key.StartsWith(Mapping, StringComparison.Ordinal);
        StateDictLoader.Load(mapper, source.File, source.Prefix, key => IsMapping(key) ? key : null, device: device, dtype: dtype);
        StateDictLoader.Load(keysAndValues, source.File, source.Prefix, key => IsMapping(key) ? null : key, device: device, dtype: ScalarType.Float32);
    }

    /// <summary>Writes both mappers; a name with <c>global_mapper</c> writes the published pair, <c>local_mapper</c> beside it, others one file.</summary>
    /// <param name="path">The file, ending in <c>.safetensors</c>, <c>.pt</c> or <c>.bin</c>; replaced in one step where it exists.</param>
    /// <param name="model">What to write; it stays the caller's.</param>
    /// <exception cref="ArgumentException">The name has another ending.</exception>
    /// <remarks>Pickles are float32, as the published ones; safetensors have the weights' own types.</remarks>
    public static void Write(string path, EliteModel model)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        string ending = Path.GetExtension(path).ToLowerInvariant();
        if (ending is not (".safetensors" or ".pt" or ".bin"))
            throw new ArgumentException($"'{path}' ends neither in .safetensors nor in .pt or .bin, which choose the mappers' format.", nameof(path));
        using IDisposable noGrad = no_grad();
        using DisposeScope scope = NewDisposeScope();
        bool isPickle = ending != ".safetensors";
        Dictionary<string, Tensor> global = Tensors(model.Global, model.Layers.Global, isPickle), local = Tensors(model.Local, model.Layers.Local, isPickle);
        if (EliteSource.IsGlobal(path))
        {
            // The one that the pair is named by comes last, so that it never stands beside an older one alone.
            WriteFlat(EliteSource.Other(path)!, local);
            WriteFlat(path, global);
        }
        else if (isPickle)
        {
            TorchCheckpointWriter.Write(path, new Dictionary<string, IReadOnlyDictionary<string, Tensor>>
            {
                [EliteSource.GlobalName] = global,
                [EliteSource.LocalName] = local,
            });
        }
        else
        {
            AtomicFile.Write(path, stream => WriteBoth(stream, global, local));
        }

        void WriteFlat(string file, Dictionary<string, Tensor> tensors)
        {
            if (isPickle)
                TorchCheckpointWriter.Write(file, tensors);
            else
                AtomicFile.Write(file, stream => SafetensorsWriter.Write(stream, tensors, Metadata()));
        }
    }

    /// <summary>Writes both mappers as one file of safetensors.</summary>
    public static void Write(Stream stream, EliteModel model)
    {
        using IDisposable noGrad = no_grad();
        using DisposeScope scope = NewDisposeScope();
        WriteBoth(stream, Tensors(model.Global, model.Layers.Global, isPickle: false), Tensors(model.Local, model.Layers.Local, isPickle: false));
    }

    private static void WriteBoth(Stream stream, Dictionary<string, Tensor> global, Dictionary<string, Tensor> local)
        => SafetensorsWriter.Write(stream, global.Select(t => (Key: $"{EliteSource.GlobalName}.{t.Key}", t.Value))
            .Concat(local.Select(t => (Key: $"{EliteSource.LocalName}.{t.Key}", t.Value))).ToDictionary(t => t.Key, t => t.Value), Metadata());

    private static Dictionary<string, string> Metadata() => new() { ["format"] = "pt" };

    private static Dictionary<string, Tensor> Tensors(EliteMapper mapper, EliteKeysAndValues keysAndValues, bool isPickle)
    {
        keysAndValues.Anchor.AliveIn(keysAndValues);
        return mapper.state_dict().Concat(keysAndValues.state_dict()).ToDictionary(t => t.Key, t => isPickle ? t.Value.to_type(ScalarType.Float32) : t.Value);
    }

    /// <summary>Widths of a mapper's input, inside and of its output.</summary>
    private static (int Input, int Hidden, int Output) Sizes(ITensorFile file, string prefix)
    {
        return (Size(EliteSource.Anchor, 1), Size(EliteSource.Anchor, 0), Size(LastLayer, 0));

        int Size(string key, int dimension)
        {
            string name = prefix + key;
            if (!file.Contains(name) || file.Shape(name).Length != 2)
                throw new WeightsFormatException(file.Path, name, "one of ELITE's mappers needs this tensor with two dimensions.");
            long size = file.Shape(name)[dimension];
            return size is > 0 and <= MaxSize ? (int)size : throw new WeightsFormatException(file.Path, name, $"a mapper cannot have a size of {size}.");
        }
    }
}
