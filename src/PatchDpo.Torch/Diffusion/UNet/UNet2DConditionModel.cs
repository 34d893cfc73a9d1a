using System.Collections.Immutable;
using PatchDpo.Torch.Diffusion.Blocks;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.Weights;
using PatchDpo.Torch.Weights.Pickle;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Diffusion.UNet;

/// <summary>
/// The noise predictor of latent diffusion models (SD 1.5, SDXL): noisy latents, timestep and text, and an image prompt if
/// there is one, to predicted noise: <c>(B,Cin,H,W) -> (B,Cout,H,W)</c>.
/// </summary>
/// <remarks>
/// diffusers 0.23.1, models/unet_2d_condition.py; the state dict is diffusers'. An adapter's weights are not part of it:
/// they come with each call, so that several adapters can share one UNet.
/// </remarks>
public sealed class UNet2DConditionModel : nn.Module
{
    private readonly SafeConv2d conv_in;
    private readonly TimestepEmbedding time_embedding;
    private readonly TimestepEmbedding? add_embedding;
    private readonly ModuleList<UNetDownBlock> down_blocks;
    private readonly UNetMidBlock? mid_block;
    private readonly ModuleList<UNetUpBlock> up_blocks;
    private readonly GroupNorm conv_norm_out;
    private readonly SafeConv2d conv_out;
    private readonly Timesteps _timesteps;
    private readonly Timesteps? _sizes;
    private readonly Func<Tensor, Tensor> _activation;
    private readonly Func<Tensor, Tensor>? _embeddingActivation;

    /// <summary>Makes the model with PyTorch's initial weights.</summary>
    /// <param name="config">Its shape.</param>
    /// <param name="device">Where the weights are made; the meta device makes none.</param>
    /// <param name="dtype">The weights' type.</param>
    /// <exception cref="ArgumentException">The configuration is not valid.</exception>
    public UNet2DConditionModel(UNetConfig config, Device? device = null, ScalarType? dtype = null)
        : base(TorchRuntime.Initialized(nameof(UNet2DConditionModel)))
    {
        ArgumentNullException.ThrowIfNull(config);
        config.Validate();
        // TorchSharp's convolutions and embeddings leave a tensor behind when they are made.
        using DisposeScope scope = NewDisposeScope();
        Config = config;
        ImmutableArray<int> channels = config.BlockOutChannels;
        int last = channels.Length - 1;
        UNetBlockOptions Level(int level, int transformers) =>
            new(config, config.AttentionHeads[level], config.CrossAttentionDims[level], transformers, device, dtype);

        conv_in = new SafeConv2d(config.InChannels, channels[0], config.ConvInKernel, padding: config.ConvInKernel / 2, device: device, dtype: dtype);
        _timesteps = new Timesteps(channels[0], config.FlipSinToCos, config.FrequencyShift);
        time_embedding = new TimestepEmbedding(channels[0], config.TimeChannels, config.Activation, config.TimestepPostActivation, device, dtype);
        if (config.HasTextTimeEmbedding)
        {
            _sizes = new Timesteps(config.AdditionTimeEmbedDim, config.FlipSinToCos, config.FrequencyShift);
            add_embedding = new TimestepEmbedding(config.AdditionInputChannels, config.TimeChannels, device: device, dtype: dtype);
        }
        down_blocks = new ModuleList<UNetDownBlock>([.. Enumerable.Range(0, channels.Length).Select(i => new UNetDownBlock(
            Level(i, config.DownTransformers(i)), channels[Math.Max(i - 1, 0)], channels[i], config.LayersPerBlock[i], i < last))]);
        if (config.HasMidBlock)
            mid_block = new UNetMidBlock(Level(last, config.TransformerLayers[last]), channels[last]);
        up_blocks = new ModuleList<UNetUpBlock>([.. Enumerable.Range(0, channels.Length).Select(i => new UNetUpBlock(
            Level(last - i, config.UpTransformers(i)), channels[Math.Min(last - i + 1, last)], channels[last - i],
            channels[Math.Max(last - i - 1, 0)], config.LayersPerBlock[last - i] + 1, i < last))]);
        conv_norm_out = Norms.GroupNorm(config.NormGroups, channels[0], config.NormEps, device, dtype);
        conv_out = new SafeConv2d(channels[0], config.OutChannels, config.ConvOutKernel, padding: config.ConvOutKernel / 2, device: device, dtype: dtype);
        _activation = Activations.Get(config.Activation);
        _embeddingActivation = config.TimeEmbeddingActivation is { } name ? Activations.Get(name) : null;
        RegisterComponents();
        this.DetachFromDisposeScope();
        NumberAttentions();
    }

    /// <summary>The model's shape.</summary>
    public UNetConfig Config { get; }

    /// <summary>Loads a diffusers UNet folder: <c>config.json</c> and the weights (<see cref="ModelFolder.OpenWeights"/>).</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="device">Where the model is put; the CPU by default.</param>
    /// <param name="dtype">The type that weights are converted to; float32 by default.</param>
    /// <returns>The model in evaluation mode; the caller disposes it.</returns>
    /// <exception cref="ModelFileNotFoundException">A file is missing.</exception>
    /// <exception cref="ModelConfigException">The configuration is wrong or not supported.</exception>
    /// <exception cref="WeightsFormatException">A weight file is malformed.</exception>
    /// <exception cref="UnsafePickleException">A PyTorch checkpoint asks for something that is not a tensor or plain data.</exception>
    /// <exception cref="StateDictMismatchException">The weights are not those of the configuration.</exception>
    public static UNet2DConditionModel FromFolder(string folder, Device? device = null, ScalarType? dtype = null)
    {
        ModelConfig json = ModelConfig.Read(ModelFolder.RequireFile(folder, "config.json"));
        var config = UNetConfig.FromJson(json);
        using ITensorFile weights = ModelFolder.OpenWeights(folder);
        if (config.FirstWithMoreLayersThan(weights.Keys.Count) is var (field, count))
            json.RequireTensorsFor(field, count, weights);
        return ModelWeights.Fill(new UNet2DConditionModel(config, TorchRuntime.Meta), weights, ignore: null, device, dtype);
    }

    /// <summary>Predicts the noise (or what the model was trained to predict).</summary>
    /// <param name="sample">Noisy latents, <c>(B,Cin,H,W)</c>; any H and W.</param>
    /// <param name="timesteps">One timestep for all, <c>()</c> or <c>(1)</c>, or one for each, <c>(B)</c>.</param>
    /// <param name="encoderHiddenStates">The text's hidden states, <c>(B,N,C)</c>.</param>
    /// <param name="textEmbeds">Pooled text, <c>(B,P)</c>; SDXL only, where it is needed.</param>
    /// <param name="timeIds">Original size, crop and target size, <c>(B,6)</c>; SDXL only, where it is needed.</param>
    /// <param name="imagePrompt">The image prompt's branch, or null for text alone.</param>
    /// <returns><c>(B,Cout,H,W)</c>, the caller's to dispose.</returns>
    /// <exception cref="ArgumentException">A tensor that the model needs is missing or has another shape.</exception>
    public Tensor forward(
        Tensor sample, Tensor timesteps, Tensor encoderHiddenStates, Tensor? textEmbeds = null, Tensor? timeIds = null, IImagePromptBranch? imagePrompt = null)
        => Forward(sample, timesteps, encoderHiddenStates, textEmbeds, timeIds, imagePrompt, recompute: false);

    /// <summary>
    /// The same; with <paramref name="recompute"/>, blocks keep their inputs alone for the backward pass (gradient checkpointing), until which text, image
    /// prompt and what the caller's dispose scope is given here must live.
    /// </summary>
    internal Tensor Forward(
        Tensor sample, Tensor timesteps, Tensor encoderHiddenStates, Tensor? textEmbeds, Tensor? timeIds, IImagePromptBranch? imagePrompt, bool recompute)
    {
        conv_in.Weight.AliveIn(this);
        CheckInputs(sample, timesteps, encoderHiddenStates);
        imagePrompt?.Check(sample.shape[0]);
        using DisposeScope scope = NewDisposeScope();
        Tensor embedding = Embed(sample, timesteps, textEmbeds, timeIds);
        if (recompute)
            embedding.MoveToOuterDisposeScope();
        var pass = new UNetPass(embedding, encoderHiddenStates, imagePrompt, recompute);
        Tensor x = conv_in.call(Config.CenterInputSample ? sample.Times(2).Minus(1) : sample);
        pass.Skips.Push(x);
        foreach (UNetDownBlock block in down_blocks)
            x = block.call(x, pass);
        if (mid_block is not null)
            x = mid_block.call(x, pass);
        foreach (UNetUpBlock block in up_blocks)
        {
            using Tensor before = x;
            x = block.call(before, pass);
        }
        return conv_out.call(_activation(conv_norm_out.call(x))).MoveToOuterDisposeScope();
    }

    private Tensor Embed(Tensor sample, Tensor timesteps, Tensor? textEmbeds, Tensor? timeIds)
    {
        long batch = sample.shape[0];
        ScalarType type = conv_in.Weight.dtype;
        Tensor embedding = time_embedding.call(_timesteps.Embed(timesteps.flatten().expand(batch)).to_type(type));
        if (add_embedding is not null)
        {
            if (textEmbeds is null || timeIds is null)
                throw new ArgumentException("This UNet (addition_embed_type text_time) needs textEmbeds and timeIds.", textEmbeds is null ? nameof(textEmbeds)
                    : nameof(timeIds));
            Tensor sizes = _sizes!.Embed(timeIds.flatten()).reshape(batch, -1).to_type(type);
            long width = textEmbeds.shape[^1] + sizes.shape[1];
            if (textEmbeds.dim() != 2 || textEmbeds.shape[0] != batch || width != Config.AdditionInputChannels)
            {
                throw new ArgumentException(
                    $"textEmbeds ({string.Join(',', textEmbeds.shape)}) and timeIds ({string.Join(',', timeIds.shape)}) give {width} values an image; " +
                    $"the UNet takes {Config.AdditionInputChannels} for {batch} images.", nameof(textEmbeds));
            }
            embedding = embedding.Plus(add_embedding.call(cat([textEmbeds, sizes], -1)));
        }
        return _embeddingActivation?.Invoke(embedding) ?? embedding;
    }

    private void CheckInputs(Tensor sample, Tensor timesteps, Tensor encoderHiddenStates)
    {
        ArgumentNullException.ThrowIfNull(sample);
        ArgumentNullException.ThrowIfNull(timesteps);
        ArgumentNullException.ThrowIfNull(encoderHiddenStates);
        static string Shape(Tensor t) => $"({string.Join(',', t.shape)})";
        if (sample.dim() != 4 || sample.shape[1] != Config.InChannels)
            throw new ArgumentException($"The latents are {Shape(sample)}; (B,{Config.InChannels},H,W) is expected.", nameof(sample));
        long batch = sample.shape[0];
        if (timesteps.numel() != 1 && (timesteps.dim() != 1 || timesteps.shape[0] != batch))
            throw new ArgumentException($"The timesteps are {Shape(timesteps)}; (), (1) or ({batch}) is expected.", nameof(timesteps));
        if (encoderHiddenStates.dim() != 3 || encoderHiddenStates.shape[0] != batch)
            throw new ArgumentException($"The text's hidden states are {Shape(encoderHiddenStates)}; ({batch},N,C) is expected.", nameof(encoderHiddenStates));
    }

    // IP-Adapter files count attention layers in diffusers' attn_processors order: down, up, middle last.
    private void NumberAttentions()
    {
        int index = 0;
        IEnumerable<Transformer2DModel> attentions = down_blocks.SelectMany(b => b.Attentions)
            .Concat(up_blocks.SelectMany(b => b.Attentions))
            .Concat(mid_block?.Attentions ?? []);
        foreach (BasicTransformerBlock? block in attentions.SelectMany(a => a.Blocks))
        {
            block.SelfAttention.LayerIndex = index++;
            block.CrossAttention.LayerIndex = index++;
        }
    }
}
