using PatchDpo.Torch.Adapters.IpAdapter;
using PatchDpo.Torch.Diffusion.UNet;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.Weights;
using PatchDpo.Torch.Weights.Pickle;
using PatchDpo.Torch.Weights.Safetensors;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Adapters.MsDiffusion;

/// <summary>
/// MS-Diffusion's weights: <c>image_proj.*</c>, <c>ms_adapter.{i}.*</c> and <c>dummy_image_tokens</c>, safetensors or the published <c>.bin</c>.
/// </summary>
/// <remarks>The published file carries no head count for the Resampler: its heads have 64. Files written here note it where it is another.</remarks>
internal static class MsDiffusionFile
{
    public const string ProjectionPrefix = "image_proj.", LayersPrefix = "ms_adapter.", DummyTokens = "dummy_image_tokens";

    /// <summary>Checks by keys and widths that a file is one for the UNet, before anything is read.</summary>
    public static void Check(string path, UNetConfig config)
    {
        using ITensorFile file = WeightsFile.OpenStateDict(path);
        if (TensorFileKind.Describe(file) != TensorFileKind.MsDiffusion)
        {
            throw new UnknownModelException(
                path, null, $"this is no adapter of MS-Diffusion but {TensorFileKind.Describe(file) ?? $"a file of {file.Keys.Count} "
                + "tensors"}; one has keys 'image_proj.…' and 'ms_adapter.…'.");
        }
        if (!file.Keys.Any(k => k.StartsWith(ProjectionPrefix, StringComparison.Ordinal)))
            throw new WeightsFormatException(path, "image_proj", "the adapter's image projection has no tensor in the file: this is only a part of it.");
        IpAdapterCheck.RefuseOtherFamily(file, config, LayersPrefix);
    }

    /// <summary>Reads an adapter: its projection, its layers (float32) and its dummy tokens, all in evaluation mode and the caller's to dispose.</summary>
    public static (GroundingResampler Projection, MsDiffusionLayers Layers, Tensor DummyTokens) Read(
        string path, UNetConfig config, Device? device = null, ScalarType dtype = ScalarType.Float32, int? headChannels = null)
    {
        using ITensorFile file = WeightsFile.OpenStateDict(path);
        GroundingResampler? projection = null;
        MsDiffusionLayers layers = new(config, TorchRuntime.Meta);
        try
        {
            projection = new GroundingResampler(Options(file, headChannels), TorchRuntime.Meta, dtype);
            StateDictLoader.Load(projection, file, ProjectionPrefix, device: device, dtype: dtype);
            StateDictLoader.Load(layers, file, LayersPrefix, device: device, dtype: ScalarType.Float32);
            projection.eval();
            layers.eval();
            if (!file.Contains(DummyTokens) || file.Shape(DummyTokens).Length != 3)
                throw new WeightsFormatException(file.Path, DummyTokens, "an adapter of MS-Diffusion needs this tensor with 3 dimensions.");
            return (projection, layers, file.Read(DummyTokens, device));
        }
        catch
        {
            projection?.Dispose();
            layers.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Writes an adapter; the name's ending chooses the format: safetensors, or <c>.bin</c> in the published form, in the weights' own types.
    /// </summary>
    public static void Write(string path, GroundingResampler projection, AdapterLayers layers, Tensor dummyTokens)
    {
        string ending = Path.GetExtension(path);
        if (ending.Equals(".safetensors", StringComparison.OrdinalIgnoreCase))
        {
            AtomicFile.Write(path, stream => Write(stream, projection, layers, dummyTokens));
            return;
        }
        if (!ending.Equals(".bin", StringComparison.OrdinalIgnoreCase))
            throw new ArgumentException($"'{path}' ends neither in .safetensors nor in .bin, which choose the adapter's format.", nameof(path));
        TorchCheckpointWriter.Write(path, new Dictionary<string, IReadOnlyDictionary<string, Tensor>>
        {
            [ProjectionPrefix[..^1]] = IpAdapterFile.Convert(projection, ProjectionPrefix, type: null),
            [LayersPrefix[..^1]] = IpAdapterFile.Convert(layers, LayersPrefix, type: null),
        }, (DummyTokens, dummyTokens), ResamplerSizes.Metadata(projection.Options.Resampler, ResamplerSizes.OfficialHeadChannels));
    }

    /// <summary>Writes an adapter as safetensors.</summary>
    public static void Write(Stream stream, GroundingResampler projection, AdapterLayers layers, Tensor dummyTokens)
    {
        Dictionary<string, string> metadata = ResamplerSizes.Metadata(projection.Options.Resampler, impliedHeadChannels: null);
        metadata.Add("format", "pt");
        Dictionary<string, Tensor> tensors = new(StringComparer.Ordinal) { [DummyTokens] = dummyTokens };
        foreach ((string prefix, nn.Module part) in new (string, nn.Module)[] { (ProjectionPrefix, projection), (LayersPrefix, layers) })
            foreach ((string key, Tensor value) in IpAdapterFile.Convert(part, prefix, type: null))
                tensors.Add(prefix + key, value);
        SafetensorsWriter.Write(stream, tensors, metadata);
    }

    private static GroundingResamplerOptions Options(ITensorFile file, int? headChannels)
    {
        ResamplerSizes sizes = new(file, ProjectionPrefix, "MS-Diffusion");
        ResamplerOptions resampler = sizes.Resampler("grounding_latents", headChannels);
        int grounding = sizes.Size("latent_proj.0.weight", 1);
        return grounding > FourierBoxes.Width ? new GroundingResamplerOptions(resampler, grounding - FourierBoxes.Width, sizes.Size("latent_proj.0.weight", 0))
            : throw new WeightsFormatException(file.Path, ProjectionPrefix + "latent_proj.0.weight", $"{grounding} columns leave none for a phrase.");
    }
}
