using PatchDpo.Torch.Diffusion.UNet;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.Weights;
using PatchDpo.Torch.Weights.Pickle;
using PatchDpo.Torch.Weights.Safetensors;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Adapters.IpAdapter;

/// <summary>IP-Adapter weights with the official keys <c>image_proj.*</c> and <c>ip_adapter.{i}.*</c>: safetensors, or the official <c>.bin</c>.</summary>
/// <remarks>
/// A checkpoint of the official training scripts (<c>image_proj_model.*</c>, <c>adapter_modules.{i}.*</c>, <c>unet.*</c>) is read too. The official
/// files carry no head count for the Resampler: all of them have heads of 64. Files written here note it in their metadata, a <c>.bin</c> only where
/// it is another.
/// </remarks>
public static class IpAdapterFile
{
    internal const string ProjectionPrefix = "image_proj.", LayersPrefix = "ip_adapter.";

    /// <summary>Reads an adapter; the kind and the sizes of the image projection follow from the file's keys and shapes.</summary>
    /// <param name="path">The safetensors file or PyTorch checkpoint.</param>
    /// <param name="config">The configuration of the UNet that the adapter belongs to.</param>
    /// <param name="device">Where the adapter is put; the CPU by default.</param>
    /// <param name="dtype">The type that weights are converted to; float32 by default.</param>
    /// <param name="headChannels">Width of the Resampler's heads; null takes the file's metadata, or 64.</param>
    /// <param name="layersDtype">The type of the layers' weights where it is another than <paramref name="dtype"/>.</param>
    /// <returns>The adapter in evaluation mode, the caller's to dispose.</returns>
    /// <exception cref="UnsafePickleException">A checkpoint that asks for something else than tensors.</exception>
    /// <exception cref="WeightsFormatException">Not a weight file, or no image projection of a known kind and size in it.</exception>
    /// <exception cref="UnknownModelException">The file holds something else (a LoRA, a UNet …), or an adapter for faces.</exception>
    /// <exception cref="StateDictMismatchException">The weights do not fit the UNet, such as an adapter's of another family.</exception>
    public static IpAdapterModel Read(
        string path, UNetConfig config, Device? device = null, ScalarType? dtype = null, int? headChannels = null, ScalarType? layersDtype = null)
    {
        using ITensorFile file = Open(path, config);
        (nn.Module<Tensor, Tensor> projection, IpAdapterLayers layers) = Read(
            file, new IpAdapterLayers(config, TorchRuntime.Meta, dtype), device, dtype, layersDtype, headChannels);
        return new IpAdapterModel(projection, layers);
    }

    /// <summary>Opens a file under the official names and checks by its keys that it is an IP-Adapter for the UNet.</summary>
    internal static ITensorFile Open(string path, UNetConfig config)
    {
        ITensorFile file = IpAdapterKeyMap.Wrap(WeightsFile.OpenStateDict(path));
        try
        {
            IpAdapterCheck.Run(file, config);
            return file;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Reads the projection, and fills layers that were made on the meta device; a failure disposes them. Both in evaluation mode.</summary>
    internal static (nn.Module<Tensor, Tensor> Projection, TLayers Layers) Read<TLayers>(
        ITensorFile file, TLayers layers, Device? device, ScalarType? dtype, ScalarType? layersDtype, int? headChannels = null)
        where TLayers : AdapterLayers
    {
        nn.Module<Tensor, Tensor>? projection = null;
        try
        {
            // On the meta device: the sizes are the file's word, and only what its tensors confirm gets memory.
            projection = MakeProjection(file, headChannels, TorchRuntime.Meta, dtype);
            StateDictLoader.Load(projection, file, ProjectionPrefix, device: device, dtype: dtype ?? ScalarType.Float32);
            IpAdapterCheck.RequireLayers(file);
            StateDictLoader.Load(layers, file, LayersPrefix, device: device, dtype: layersDtype ?? dtype ?? ScalarType.Float32);
        }
        catch
        {
            projection?.Dispose();
            layers.Dispose();
            throw;
        }
        projection.eval();
        layers.eval();
        return (projection, layers);
    }

    /// <summary>Says what is wrong with a file that its keys and the widths of its layers tell, before anything is read.</summary>
    internal static void Check(string path, UNetConfig config)
    {
        using ITensorFile file = Open(path, config);
    }

    /// <summary>Writes an adapter; the name's ending chooses the format: <c>.safetensors</c>, or <c>.bin</c> for the official form.</summary>
    /// <param name="path">The file; replaced in one step where it exists.</param>
    /// <param name="adapter">What to write; it stays the caller's.</param>
    /// <param name="dtype">The type in the file; by default float16 in a <c>.bin</c>, as in the official files, and the weights' own in safetensors.</param>
    /// <remarks>The official form is <c>{"image_proj": {…}, "ip_adapter": {…}}</c>, as torch.save writes it.</remarks>
    /// <exception cref="ArgumentException">The name has another ending.</exception>
    /// <exception cref="OverflowException">A value does not fit the type in the file.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static void Write(string path, IpAdapterModel adapter, ScalarType? dtype = null)
    {
        ArgumentNullException.ThrowIfNull(adapter);
        Write(path, adapter.Projection, adapter.Layers, dtype);
    }

    /// <summary>The same for layers of any family with these names.</summary>
    internal static void Write(string path, nn.Module<Tensor, Tensor> projection, AdapterLayers layers, ScalarType? dtype = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        string ending = Path.GetExtension(path);
        bool isCheckpoint = ending.Equals(".bin", StringComparison.OrdinalIgnoreCase);
        if (!isCheckpoint && !ending.Equals(".safetensors", StringComparison.OrdinalIgnoreCase))
            throw new ArgumentException($"'{path}' ends neither in .safetensors nor in .bin, which choose the adapter's format.", nameof(path));
        using IDisposable noGrad = no_grad();
        using DisposeScope scope = NewDisposeScope();
        Dictionary<string, IReadOnlyDictionary<string, Tensor>> groups = Groups(projection, layers, dtype ?? (isCheckpoint ? ScalarType.Float16 : null));
        if (isCheckpoint)
            TorchCheckpointWriter.Write(path, groups, Notes(projection, ResamplerSizes.OfficialHeadChannels));
        else
            AtomicFile.Write(path, stream => WriteSafetensors(stream, projection, groups));
    }

    /// <summary>Writes an adapter as safetensors, in its weights' own type.</summary>
    internal static void Write(Stream stream, nn.Module<Tensor, Tensor> projection, AdapterLayers layers)
    {
        using IDisposable noGrad = no_grad();
        using DisposeScope scope = NewDisposeScope();
        WriteSafetensors(stream, projection, Groups(projection, layers, type: null));
    }

    private static void WriteSafetensors(
        Stream stream, nn.Module<Tensor, Tensor> projection, Dictionary<string, IReadOnlyDictionary<string, Tensor>> groups)
    {
        Dictionary<string, string> metadata = Notes(projection, impliedHeadChannels: null);
        metadata.Add("format", "pt");
        SafetensorsWriter.Write(stream, groups.SelectMany(g => g.Value.Select(t => (Key: $"{g.Key}.{t.Key}", t.Value)))
            .ToDictionary(t => t.Key, t => t.Value), metadata);
    }

    private static Dictionary<string, IReadOnlyDictionary<string, Tensor>> Groups(
        nn.Module<Tensor, Tensor> projection, AdapterLayers layers, ScalarType? type) => new()
    {
        [ProjectionPrefix[..^1]] = Convert(projection, ProjectionPrefix, type),
        [LayersPrefix[..^1]] = Convert(layers, LayersPrefix, type),
    };

    // The width of a head, which no shape tells, where the format does not imply it.
    private static Dictionary<string, string> Notes(nn.Module<Tensor, Tensor> projection, int? impliedHeadChannels)
        => projection is Resampler resampler ? ResamplerSizes.Metadata(resampler.Options, impliedHeadChannels) : [];

    internal static Dictionary<string, Tensor> Convert(nn.Module module, string prefix, ScalarType? type)
    {
        var tensors = new Dictionary<string, Tensor>();
        foreach ((string? key, Tensor? value) in module.state_dict())
        {
            value.AliveIn(module);
            Tensor converted = type is { } wanted ? value.to_type(wanted) : value;
            if (converted.dtype != value.dtype && !converted.isfinite().all().item<bool>() && value.isfinite().all().item<bool>())
                throw new OverflowException($"'{prefix}{key}' has values beyond the range of {converted.dtype}; write it in float32.");
            tensors.Add(key, converted);
        }
        return tensors;
    }

    private static nn.Module<Tensor, Tensor> MakeProjection(ITensorFile file, int? headChannels, Device? device, ScalarType? dtype)
    {
        ResamplerSizes sizes = new(file, ProjectionPrefix, "an IP-Adapter");
        if (file.Contains(ProjectionPrefix + "latents"))
            return new Resampler(sizes.Resampler("latents", headChannels), device, dtype);
        if (file.Contains(ProjectionPrefix + "proj.0.weight"))
            return new MlpImageProjection(sizes.Size("proj.0.weight", 1), sizes.Size("proj.2.weight", 0), device, dtype);
        int output = sizes.Size("norm.weight", 0);
        return new LinearImageProjection(sizes.Size("proj.weight", 1), output, Math.Max(1, sizes.Size("proj.weight", 0) / output), device, dtype);
    }
}
