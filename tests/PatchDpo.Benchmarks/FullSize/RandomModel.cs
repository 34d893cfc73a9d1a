using System.Text.Json;
using PatchDpo.Torch.Adapters.IpAdapter;
using PatchDpo.Torch.Diffusion.UNet;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.Weights;
using PatchDpo.Torch.Weights.Safetensors;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Benchmarks.FullSize;

/// <summary>A folder with a UNet and an IP-Adapter-Plus of random float16 weights, under the real models' names and shapes.</summary>
/// <param name="folder">The folder.</param>
internal sealed class RandomModel(string folder)
{
    // The real weights' order of magnitude: activations stay within float16's range.
    private const double Deviation = 0.02;

    private const string ProjectionPrefix = "image_proj.", LayersPrefix = "ip_adapter.";

    /// <summary>The weight files.</summary>
    public IReadOnlyList<string> Files => [Path.Combine(UNetFolder, "diffusion_pytorch_model.safetensors"), Path.Combine(folder, "ip_adapter.safetensors")];

    private string UNetFolder => Path.Combine(folder, "unet");

    private string ConfigFile => Path.Combine(UNetFolder, "config.json");

    /// <summary>Writes the folder; the names and shapes are those of our modules on the meta device.</summary>
    /// <returns>The number of weights.</returns>
    /// <exception cref="IOException">The disk has too little room.</exception>
    public long Write(ModelScale scale)
    {
        using DisposeScope scope = NewDisposeScope();
        Directory.CreateDirectory(UNetFolder);
        File.WriteAllText(ConfigFile, JsonSerializer.Serialize(scale.UNet));
        (UNet2DConditionModel unet, IpAdapterModel adapter) = Empty(scale);
        using UNet2DConditionModel network = unet;
        using IpAdapterModel prompt = adapter;
        IEnumerable<KeyValuePair<string, Tensor>> Named(string prefix, nn.Module module)
            => module.state_dict().Select(t => KeyValuePair.Create(prefix + t.Key, t.Value));
        Dictionary<string, Tensor>[] files = [Named("", unet).ToDictionary(), Named(ProjectionPrefix, adapter.Projection)
            .Concat(Named(LayersPrefix, adapter.Layers)).ToDictionary()];
        long weights = files.Sum(f => f.Values.Sum(t => t.numel())), room = new DriveInfo(Path.GetFullPath(folder)).AvailableFreeSpace;
        if (room < 2.1 * weights)
            throw new IOException($"'{folder}' has {room / 1e9:f1} GB of room; the weights need {2 * weights / 1e9:f1} GB.");
        return Files.Zip(files).Sum(f => WriteFile(f.First, f.Second));
    }

    /// <summary>Writes random float16 weights of a module's names and shapes.</summary>
    /// <param name="path">The file.</param>
    /// <param name="shapes">Tensors of those shapes, on any device.</param>
    /// <returns>The number of weights.</returns>
    public static long WriteFile(string path, IReadOnlyDictionary<string, Tensor> shapes)
    {
        using DisposeScope scope = NewDisposeScope();
        random.manual_seed(1);
        // All tensors are pieces of one, from different places: to draw all would take longer than all that is measured.
        long largest = shapes.Max(t => t.Value.numel()), length = 2 * largest;
        Tensor pool = (randn(length) * Deviation).to(ScalarType.Float16);
        SafetensorsWriter.Write(path, shapes.Select((t, n) => KeyValuePair.Create(t.Key, Values(t, pool, n * 7919L % largest))).ToDictionary());
        return shapes.Sum(t => t.Value.numel());
    }

    /// <summary>Loads the model as an application does.</summary>
    public (UNet2DConditionModel UNet, IpAdapterModel Adapter) Load(ScalarType dtype)
    {
        UNet2DConditionModel unet = UNet2DConditionModel.FromFolder(UNetFolder, dtype: dtype);
        return (unet, IpAdapterFile.Read(Files[1], unet.Config, dtype: dtype));
    }

    /// <summary>Has the model lie in its mapped files, as float16: nothing is read before it is used.</summary>
    public (UNet2DConditionModel UNet, IpAdapterModel Adapter) Map(ModelScale scale)
    {
        SafetensorsOptions mapped = new() { MemoryMap = true };
        (UNet2DConditionModel unet, IpAdapterModel adapter) = Empty(scale);
        using ITensorFile network = ModelFolder.OpenWeights(UNetFolder, mapped), prompt = WeightsFile.Open(Files[1], mapped);
        StateDictLoader.Load(unet, network);
        StateDictLoader.Load(adapter.Projection, prompt, ProjectionPrefix);
        StateDictLoader.Load(adapter.Layers, prompt, LayersPrefix);
        foreach (nn.Module part in new nn.Module[] { unet, adapter.Projection, adapter.Layers })
            part.eval();
        return (unet, adapter);
    }

    private (UNet2DConditionModel UNet, IpAdapterModel Adapter) Empty(ModelScale scale)
    {
        UNetConfig config = UNetConfig.FromJson(ModelConfig.Read(ConfigFile));
        return (new UNet2DConditionModel(config, META), new IpAdapterModel(new Resampler(scale.Projection, META), new IpAdapterLayers(config, META)));
    }

    // Norms and biases as they are initially, so that values neither vanish nor grow on their way through the layers.
    private static Tensor Values(KeyValuePair<string, Tensor> wanted, Tensor pool, long begin)
    {
        long[] shape = wanted.Value.shape;
        return shape.Length > 1 ? pool.narrow(0, begin, wanted.Value.numel()).view(shape)
            : wanted.Key.EndsWith(".bias", StringComparison.Ordinal) ? zeros(shape, ScalarType.Float16) : ones(shape, ScalarType.Float16);
    }
}
