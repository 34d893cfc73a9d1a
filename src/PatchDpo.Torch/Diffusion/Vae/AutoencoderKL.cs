using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.Weights;
using PatchDpo.Torch.Weights.Pickle;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Diffusion.Vae;

/// <summary>The variational autoencoder between images in [-1, 1] and latents.</summary>
/// <remarks>
/// diffusers 0.23.1, models/autoencoder_kl.py; the state dict's keys are diffusers'. Latents here are the autoencoder's own:
/// a diffusion model's are those times <see cref="ScalingFactor"/>. Gradients flow, so that it can be trained; callers that
/// only run it do so under <c>no_grad</c>.
/// </remarks>
public sealed class AutoencoderKL : nn.Module<Tensor, Tensor>
{
    private readonly VaeEncoder encoder;
    private readonly VaeDecoder decoder;
    private readonly SafeConv2d quant_conv;
    private readonly SafeConv2d post_quant_conv;

    /// <summary>Makes an autoencoder with initial weights.</summary>
    /// <param name="config">Its sizes.</param>
    /// <param name="device">Where the weights are made.</param>
    /// <param name="dtype">The weights' type.</param>
    public AutoencoderKL(VaeConfig config, Device? device = null, ScalarType? dtype = null) : base(TorchRuntime.Initialized(nameof(AutoencoderKL)))
    {
        ArgumentNullException.ThrowIfNull(config);
        // TorchSharp's convolutions and embeddings leave a tensor behind when they are made.
        using DisposeScope scope = NewDisposeScope();
        Config = config;
        encoder = new VaeEncoder(config, device, dtype);
        decoder = new VaeDecoder(config, device, dtype);
        quant_conv = new SafeConv2d(2 * config.LatentChannels, 2 * config.LatentChannels, 1, device: device, dtype: dtype);
        post_quant_conv = new SafeConv2d(config.LatentChannels, config.LatentChannels, 1, device: device, dtype: dtype);
        RegisterComponents();
        this.DetachFromDisposeScope();
    }

    /// <summary>The sizes.</summary>
    public VaeConfig Config { get; }

    /// <summary>What latents are multiplied by before a diffusion model sees them.</summary>
    public double ScalingFactor => Config.ScalingFactor;

    /// <summary>Loads <c>config.json</c> and the weights of a diffusers <c>vae</c> folder.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="device">Where the weights go; the CPU by default.</param>
    /// <param name="dtype">The weights' type; float32 by default, whatever the file's.</param>
    /// <exception cref="ModelFileNotFoundException">A file is missing.</exception>
    /// <exception cref="ModelConfigException">The configuration is not one that this library knows.</exception>
    /// <exception cref="WeightsFormatException">A weight file is malformed.</exception>
    /// <exception cref="UnsafePickleException">A PyTorch checkpoint asks for something that is not a tensor or plain data.</exception>
    /// <exception cref="StateDictMismatchException">The weights do not fit the configuration.</exception>
    public static AutoencoderKL FromFolder(string folder, Device? device = null, ScalarType? dtype = null)
    {
        ModelConfig json = ModelConfig.Read(ModelFolder.RequireFile(folder, "config.json"));
        VaeConfig config = VaeConfig.FromJson(json);
        using ITensorFile file = ModelFolder.OpenWeights(folder);
        json.RequireTensorsFor("layers_per_block", (long)config.LayersPerBlock * config.BlockOutChannels.Count, file);
        var model = new AutoencoderKL(config, TorchRuntime.Meta);
        try
        {
            StateDictLoader.Load(model, file, rename: CurrentKey, device: device, dtype: dtype ?? ScalarType.Float32);
            model.eval();
            return model;
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    /// <summary>The key under which current files store what older ones (Stable Diffusion 1.5's) call <paramref name="key"/>.</summary>
    /// <param name="key">A key of a weights file; current keys come back unchanged.</param>
    public static string CurrentKey(string key)
    {
        ArgumentNullException.ThrowIfNull(key);
        return !key.Contains(".attentions.", StringComparison.Ordinal)
            ? key
            : key.Replace(".query.", ".to_q.", StringComparison.Ordinal)
                .Replace(".key.", ".to_k.", StringComparison.Ordinal)
                .Replace(".value.", ".to_v.", StringComparison.Ordinal)
                .Replace(".proj_attn.", ".to_out.0.", StringComparison.Ordinal);
    }

    /// <summary>Encodes images to the distribution of their latents.</summary>
    /// <param name="images">In [-1, 1], <c>(B,3,H,W)</c>.</param>
    /// <returns>Mean and logarithm of the variance, clamped to -30..20, each <c>(B,L,H/s,W/s)</c>; the caller disposes both.</returns>
    public (Tensor Mean, Tensor LogVariance) EncodeMoments(Tensor images)
    {
        ArgumentNullException.ThrowIfNull(images);
        using DisposeScope scope = NewDisposeScope();
        quant_conv.Weight.AliveIn(this);
        Tensor[] moments = quant_conv.call(encoder.call(images)).chunk(2, dim: 1);
        return (moments[0].MoveToOuterDisposeScope(), moments[1].Clamped(-30, 20).MoveToOuterDisposeScope());
    }

    /// <summary>Encodes images to the mean of their latents.</summary>
    /// <param name="images">In [-1, 1], <c>(B,3,H,W)</c>.</param>
    /// <returns><c>(B,L,H/s,W/s)</c>, not scaled; the caller disposes it.</returns>
    public Tensor EncodeMean(Tensor images)
    {
        ArgumentNullException.ThrowIfNull(images);
        (Tensor mean, Tensor logVariance) = EncodeMoments(images);
        logVariance.Dispose();
        return mean;
    }

    /// <summary>Decodes latents.</summary>
    /// <param name="latents">The autoencoder's own (a diffusion model's divided by <see cref="ScalingFactor"/>), <c>(B,L,h,w)</c>.</param>
    /// <returns>About [-1, 1], not clamped, <c>(B,3,sh,sw)</c>; the caller disposes it.</returns>
    public Tensor Decode(Tensor latents)
    {
        ArgumentNullException.ThrowIfNull(latents);
        post_quant_conv.Weight.AliveIn(this);
        using Tensor quantized = post_quant_conv.call(latents);
        return decoder.call(quantized);
    }

    /// <summary>Encodes to the mean and decodes: <c>(B,3,H,W) -> (B,3,H,W)</c>.</summary>
    /// <param name="input">In [-1, 1].</param>
    /// <returns>The reconstruction; the caller disposes it.</returns>
    public override Tensor forward(Tensor input)
    {
        ArgumentNullException.ThrowIfNull(input);
        using Tensor mean = EncodeMean(input);
        return Decode(mean);
    }
}
