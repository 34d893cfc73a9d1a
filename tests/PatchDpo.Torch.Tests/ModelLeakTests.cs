using PatchDpo.Torch.Adapters.Elite;
using PatchDpo.Torch.Adapters.IpAdapter;
using PatchDpo.Torch.Clip;
using PatchDpo.Torch.Diffusion.UNet;
using PatchDpo.Torch.Diffusion.Vae;
using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Vision.Cnn;
using PatchDpo.Torch.Vision.Dino;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests;

/// <summary>Every model class, as small as it gets: neither making it nor a thousand forwards leave a tensor.</summary>
public class ModelLeakTests
{
    private delegate Action Maker(Stack<IDisposable> owned);

    private static readonly UNetConfig Unet = new()
    {
        DownBlockTypes = ["DownBlock2D", "CrossAttnDownBlock2D"],
        UpBlockTypes = ["CrossAttnUpBlock2D", "UpBlock2D"],
        BlockOutChannels = [4, 4],
        LayersPerBlock = [1, 1],
        CrossAttentionDims = [4, 4],
        TransformerLayers = [1, 1],
        AttentionHeads = [1, 1],
        NormGroups = 2,
    };

    private static readonly UNetConfig Sdxl = Unet with { UseLinearProjection = true, HasTextTimeEmbedding = true, AdditionTimeEmbedDim = 2,
        AdditionInputChannels = 16 };

    private static readonly ClipTextConfig Text = new() { VocabularySize = 6, MaxPositions = 4, HiddenSize = 4, NumLayers = 1, NumHeads = 1,
        ProjectionDim = 4 };

    private static readonly ClipVisionConfig TinyVision = new() { ImageSize = 4, PatchSize = 2, HiddenSize = 4, NumLayers = 1, NumHeads = 1,
        ProjectionDim = 4 };

    private static readonly Dictionary<string, Maker> ModelFactories = new()
    {
        ["DINO"] = owned => Encoder(
            owned, new DinoVisionTransformer(new DinoConfig { ImageSize = 4, PatchSize = 2, EmbedDim = 4, Depth = 1, NumHeads = 1 }), 6),
        ["DINOv2"] = owned => Encoder(owned, new DinoV2VisionTransformer(
            new DinoV2Config { ImageSize = 4, PatchSize = 2, EmbedDim = 4, Depth = 1, NumHeads = 1, RegisterTokens = 1 }), 6),
        ["CLIP vision"] = owned => Encoder(owned, new ClipVisionEncoder(TinyVision), 4),
        ["CLIP text"] = owned =>
        {
            ClipTextEncoder model = Own(owned, new ClipTextEncoder(Text));
            Tensor ids = Own(owned, tensor(new long[,] { { 4, 1, 5, 5 } }));
            return () => model.Encode(ids).Dispose();
        },
        ["CLIP"] = owned =>
        {
            ClipModel model = Own(owned, new ClipModel(Text, TinyVision, Clip.ClipFixture.TinyTokenizer(4)));
            Tensor pixels = Own(owned, rand(1, 3, 4, 4)), ids = Own(owned, tensor(new long[,] { { 2, 1, 3, 3 } }));
            return () => model.call(pixels, ids).Dispose();
        },
        ["ResNet"] = owned => Encoder(owned, new ResNet(new ResNetConfig { Bottleneck = false, Layers = [1, 1, 1, 1], Width = 2, NumClasses = 2 }), 32),
        ["ResNet, bottleneck"] = owned
            => Encoder(owned, new ResNet(new ResNetConfig { Bottleneck = true, Layers = [1, 1, 1, 1], Width = 2, NumClasses = null }), 32),
        ["VGG"] = owned => Encoder(owned, new Vgg(new VggConfig { Layers = [2, 0, 2, 0], NumClasses = null }), 8),
        ["CIFAR ResNet"] = owned => Encoder(owned, new CifarResNet(new CifarResNetConfig { Width = 2, BlocksPerStage = 1 }), 8),
        ["ALIKE"] = owned => Encoder(owned, new Alike(new AlikeConfig { Channels = [2, 2, 2, 2], DescriptorDim = 4 }), 32),
        ["UNet of Stable Diffusion 1.5"] = owned =>
        {
            UNet2DConditionModel model = Own(owned, new UNet2DConditionModel(Unet));
            (Tensor sample, Tensor time, Tensor text) = (Own(owned, rand(1, 4, 4, 4)), Own(owned, tensor(5L)), Own(owned, rand(1, 2, 4)));
            return () => model.forward(sample, time, text).Dispose();
        },
        ["UNet of SDXL with an image prompt"] = owned =>
        {
            UNet2DConditionModel model = Own(owned, new UNet2DConditionModel(Sdxl));
            IpAdapterLayers layers = Own(owned, new IpAdapterLayers(Sdxl));
            (Tensor sample, Tensor time, Tensor text) = (Own(owned, rand(1, 4, 4, 4)), Own(owned, tensor(5L)), Own(owned, rand(1, 2, 4)));
            (Tensor pooled, Tensor sizes, Tensor tokens) = (Own(owned, rand(1, 4)), Own(owned, rand(1, 6)), Own(owned, rand(1, 2, 4)));
            return () => model.forward(sample, time, text, pooled, sizes, new IpAttention(layers, tokens, 0.5)).Dispose();
        },
        ["UNet with ELITE"] = owned =>
        {
            UNet2DConditionModel model = Own(owned, new UNet2DConditionModel(Unet));
            EliteLayers layers = Own(owned, new EliteLayers(Unet));
            (Tensor sample, Tensor time, Tensor text) = (Own(owned, rand(2, 4, 4, 4)), Own(owned, tensor(5L)), Own(owned, rand(2, 3, 4)));
            (Tensor patches, Tensor places) = (Own(owned, rand(2, 2, 4)), Own(owned, tensor(new[] { -1L, 1 })));
            return () => model.forward(sample, time, text, imagePrompt: new EliteAttention(layers, patches, places, 0.5)).Dispose();
        },
        ["ELITE's mapper"] = owned =>
        {
            EliteMapper mapper = Own(owned, new EliteMapper(4, 3, 4));
            Tensor[] states = [.. Enumerable.Range(0, EliteMapper.Layers.Count).Select(_ => Own(owned, rand(1, 3, 4)))];
            return () =>
            {
                mapper.Words(states, states.Length).Dispose();
                mapper.Tokens(states).Dispose();
            };
        },
        ["AutoencoderKL"] = owned =>
        {
            AutoencoderKL model = Own(
                owned, new AutoencoderKL(new VaeConfig { BlockOutChannels = [2], LayersPerBlock = 1, NormGroups = 2, LatentChannels = 2 }));
            Tensor image = Own(owned, rand(1, 3, 2, 2)), latents = Own(owned, rand(1, 2, 2, 2));
            return () =>
            {
                model.EncodeMean(image).Dispose();
                model.Decode(latents).Dispose();
            };
        },
        ["Resampler"] = owned
            => Projection(owned,
            new Resampler(new ResamplerOptions { Channels = 4, Layers = 1, HeadChannels = 4, Heads = 1, Tokens = 2, InputChannels = 4,
            OutputChannels = 4 }), rand(1, 3, 4)),
        ["Linear projection"] = owned => Projection(owned, new LinearImageProjection(4, 4, tokens: 2), rand(1, 4)),
        ["MLP projection"] = owned => Projection(owned, new MlpImageProjection(4, 4), rand(1, 3, 4)),
    };

    public static TheoryData<string> Models => [.. ModelFactories.Keys];

    [Theory]
    [MemberData(nameof(Models))]
    public void Making_and_disposing_a_model_leaves_no_tensor(string name) => LeakCheck.Run(() => With(name, forward => forward()));

    [Theory]
    [MemberData(nameof(Models))]
    public void A_thousand_forwards_leave_no_tensor(string name) => With(name, forward =>
    {
        using IDisposable noGrad = no_grad();
        LeakCheck.Run(forward, times: 1000);
    });

    private static void With(string name, Action<Action> use)
    {
        Stack<IDisposable> owned = [];
        try
        {
            use(ModelFactories[name](owned));
        }
        finally
        {
            while (owned.TryPop(out IDisposable? item))
                item.Dispose();
        }
    }

    private static T Own<T>(Stack<IDisposable> owned, T item) where T : IDisposable
    {
        owned.Push(item);
        return item;
    }

    private static Action Encoder<T>(Stack<IDisposable> owned, T model, int size) where T : nn.Module, IVisionEncoder
    {
        Own(owned, model).eval();
        Tensor pixels = Own(owned, rand(1, 3, size, size));
        return () => model.Encode(pixels).Dispose();
    }

    private static Action Projection(Stack<IDisposable> owned, nn.Module<Tensor, Tensor> model, Tensor features)
    {
        Own(owned, model);
        Own(owned, features);
        return () => model.call(features).Dispose();
    }
}
