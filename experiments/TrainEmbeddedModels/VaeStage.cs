using PatchDpo.Torch.Diffusion.Vae;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.Loop;
using ProceduralCharacters;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TrainEmbeddedModels;

/// <summary>Trains the autoencoder, 64 x 64 x 3 to 16 x 16 x 16, on references and scenes.</summary>
internal static class VaeStage
{
    private const int Batch = 8;
    private const int PoolSize = 12_000;
    private const int FullSteps = 2200;
    private const double LearningRate = 2e-3;
    private const int VariedSteps = 1200;
    private const double VariedLearningRate = 1e-3;
    private const double KlWeight = 1e-4;

    /// <summary>Channels of the latents.</summary>
    public const int LatentChannels = 16;

    private static int[] BlockOutChannels => [32, 48, 96];

    public static void Run(TrainingContext context)
    {
        random.manual_seed(context.Seed);
        using var vae = new AutoencoderKL(Config());
        StartAsIdentity(vae);
        Train(context, vae, new StageTraining("vae", context.Steps(FullSteps), LearningRate, EmaDecay: 0.995), context.Seed, 1_000_000, Basic);
    }

    /// <summary>Goes on with the written autoencoder, half of the images now with small characters or two of them.</summary>
    public static void Resume(TrainingContext context)
    {
        random.manual_seed(context.Seed + 40);
        using AutoencoderKL vae = AutoencoderKL.FromFolder(context.OutputFolder("generator", "vae"));
        var training = new StageTraining("vae_varied", context.Steps(VariedSteps), VariedLearningRate, EmaDecay: 0.995);
        Train(context, vae, training, context.Seed + 40, 1_100_000, Varied);
    }

    private static void Train(TrainingContext context, AutoencoderKL vae, StageTraining training, int seed, int firstSeed, Func<int, ImageBuffer> draw)
    {
        using Tensor pool = RenderPool(PoolSize, firstSeed, draw);
        foreach (Parameter parameter in vae.parameters())
            parameter.requires_grad = true;
        var draws = new TrainingDraws(seed);
        var order = new RowOrder(PoolSize, draws);
        training.Run(context, [vae], Loss);
        Export(context, vae, training.Name, draw);

        Tensor Loss(int step)
        {
            Tensor images = PixelPool.MinusOneToOne(pool.index_select(0, tensor(order.At((step - 1L) * Batch, Batch))));
            (Tensor mean, Tensor logVariance) = vae.EncodeMoments(images.to(ScalarType.BFloat16));
            Tensor noise = draws.Normal(TrainingDraw.Noise, step, 0, Batch, mean.shape[1..]).to(ScalarType.BFloat16);
            Tensor latents = mean + (logVariance * 0.5).exp() * noise;
            Tensor decoded = vae.Decode(latents).to(ScalarType.Float32);
            mean = mean.to(ScalarType.Float32);
            logVariance = logVariance.to(ScalarType.Float32);
            Tensor kl = 0.5 * (mean.square() + logVariance.exp() - 1 - logVariance).mean();
            return ReconstructionLoss(decoded, images) + KlWeight * kl;
        }
    }

    private static Tensor RenderPool(int count, int firstSeed, Func<int, ImageBuffer> draw)
        => PixelPool.Pack(Enumerable.Range(firstSeed, count).AsParallel().AsOrdered().Select(draw).ToArray());

    /// <summary>A fifth of the images are references.</summary>
    private static ImageBuffer Basic(int seed)
    {
        Character character = Character.Random(seed);
        return seed % 5 == 0
            ? CharacterRenderer.RenderReference(character).Image
            : CharacterRenderer.Render(character, Prompt.Random(character.Kind, seed), seed).Image;
    }

    private static ImageBuffer Varied(int seed)
    {
        Character character = Character.Random(seed);
        return (seed % 4) switch
        {
            0 => CharacterRenderer.Render(character, Prompt.Random(character.Kind, seed) with { Small = true }, seed).Image,
            1 => CharacterRenderer.Render(Duo.Random(seed, onWhite: seed % 3 == 0), seed)[0].Image,
            _ => Basic(seed),
        };
    }

    /// <summary>Absolute and squared differences; those between neighbours count too, which keeps outlines sharp.</summary>
    private static Tensor ReconstructionLoss(Tensor decoded, Tensor images)
    {
        Tensor difference = decoded - images;
        return difference.abs().mean() + 2 * difference.square().mean() + 0.25 * (difference.diff(1, -1).abs().mean() + difference.diff(1, -2).abs().mean());
    }

    /// <summary>Measures held-out images and writes the folder; the latents' deviation gives the scaling factor.</summary>
    private static void Export(TrainingContext context, AutoencoderKL vae, string name, Func<int, ImageBuffer> draw)
    {
        using IDisposable noGrad = no_grad();
        using DisposeScope scope = NewDisposeScope();
        Tensor held = RenderPool(256, 9_000_000, draw);
        Tensor images = PixelPool.MinusOneToOne(held);
        Tensor latents = vae.EncodeMean(images);
        double std = latents.std().item<float>();
        Tensor decoded = vae.Decode(latents).clamp(-1, 1);
        double l1 = (decoded - images).abs().mean().item<float>() / 2;
        double psnr = -10 * Math.Log10((decoded - images).square().mean().item<float>() / 4);
        context.Log($"{name}: held-out L1 {l1 * 255:F2} of 255, PSNR {psnr:F1} dB; latents' deviation {std:F3}");
        ImageBuffer[] originals = ImageTensors.ToImages(images[..12]);
        ImageBuffer[] reconstructions = ImageTensors.ToImages(decoded[..12]);
        context.SaveSheet($"{name}.png", [originals, reconstructions]);
        TrainingContext.WriteModel(context.OutputFolder("generator", "vae"), "diffusion_pytorch_model.safetensors", Json(1 / std), vae);
    }

    /// <summary>Zeroes each residual branch's last layer, so that colours flow through from the first step.</summary>
    private static void StartAsIdentity(nn.Module vae)
    {
        using IDisposable noGrad = no_grad();
        foreach ((string name, Parameter parameter) in vae.named_parameters())
        {
            if (name.Contains(".conv2.", StringComparison.Ordinal) || name.Contains(".to_out.", StringComparison.Ordinal))
                parameter.zero_();
        }
    }

    private static VaeConfig Config() => new()
    {
        BlockOutChannels = BlockOutChannels,
        LatentChannels = LatentChannels,
        LayersPerBlock = 1,
        NormGroups = 8,
    };

    private static object Json(double scalingFactor) => new
    {
        _class_name = "AutoencoderKL",
        act_fn = "silu",
        block_out_channels = BlockOutChannels,
        down_block_types = Enumerable.Repeat("DownEncoderBlock2D", BlockOutChannels.Length),
        in_channels = 3,
        latent_channels = LatentChannels,
        layers_per_block = 1,
        norm_num_groups = 8,
        out_channels = 3,
        sample_size = CharacterRenderer.Size,
        scaling_factor = Math.Round(scalingFactor, 5),
        up_block_types = Enumerable.Repeat("UpDecoderBlock2D", BlockOutChannels.Length),
    };
}
