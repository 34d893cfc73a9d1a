using PatchDpo.Torch.Clip;
using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Tests.Clip;
using PatchDpo.Torch.Vision.Dino;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Encoders;

/// <summary>What holds for every encoder: training, memory, input checks, devices.</summary>
public class EncoderBehaviourTests
{
    private static readonly DinoConfig TinyDino = new() { ImageSize = 12, PatchSize = 4, EmbedDim = 8, Depth = 2, NumHeads = 2 };
    private static readonly ClipVisionConfig TinyVision = new() { ImageSize = 12, PatchSize = 4, HiddenSize = 8, NumLayers = 2, NumHeads = 2,
        ProjectionDim = 4 };
    private static readonly ClipTextConfig Text = new() { VocabularySize = 10, MaxPositions = 6, HiddenSize = 8, NumLayers = 2, NumHeads = 2,
        ProjectionDim = 4 };

    [Fact]
    public void Dino_gives_every_weight_a_gradient_in_training()
    {
        using DisposeScope scope = NewDisposeScope();
        using DinoVisionTransformer model = new(TinyDino);
        // Another size than the position table's, so that its interpolation is differentiated too.
        VisionFeatures features = model.ForwardFeatures(randn(2, 3, 16, 12));
        (features.Global.square().sum() + features.Patches.square().sum()).backward();
        AssertGradients(model);
    }

    [Fact]
    public void Both_clip_towers_get_gradients_from_the_contrastive_logits()
    {
        using DisposeScope scope = NewDisposeScope();
        using ClipModel model = new(Text, TinyVision, ClipFixture.TinyTokenizer(6));
        Tensor logits = model.call(randn(2, 3, 12, 12), tensor(new long[,] { { 2, 0, 1, 3, 3, 3 }, { 2, 1, 0, 1, 3, 3 } }));
        nn.functional.cross_entropy(logits, arange(2)).backward();
        AssertGradients(model);
    }

    [Fact]
    public void Fresh_weights_are_small_and_norms_are_neutral()
    {
        using DisposeScope scope = NewDisposeScope();
        using DinoVisionTransformer model = new(new DinoConfig { ImageSize = 32, PatchSize = 4, EmbedDim = 64, Depth = 2, NumHeads = 2 });
        foreach ((string name, Parameter parameter) in model.named_parameters())
        {
            if (name.Contains("norm", StringComparison.Ordinal))
                Assert.Equal(name.EndsWith("weight", StringComparison.Ordinal) ? 1 : 0, parameter.mean().item<float>());
            else if (name.EndsWith("bias", StringComparison.Ordinal) && !name.StartsWith("patch_embed", StringComparison.Ordinal))
                Assert.Equal(0, parameter.abs().max().item<float>());
            else if (!name.StartsWith("patch_embed", StringComparison.Ordinal))
                Assert.InRange(parameter.std().item<float>(), 0.015f, 0.025f);
        }
    }

    [Fact]
    public void Encoding_leaves_nothing_behind_but_what_it_returns()
    {
        using DinoVisionTransformer dino = new(TinyDino);
        using DinoV2VisionTransformer dinoV2 = new(new() { ImageSize = 12, PatchSize = 4, EmbedDim = 8, Depth = 2, NumHeads = 2, RegisterTokens = 2 });
        using ClipModel clip = new(Text, TinyVision, ClipFixture.TinyTokenizer(6));
        using Tensor pixels = randn(2, 3, 12, 12), wide = randn(1, 3, 12, 20);
        long before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;

        foreach (IVisionEncoder encoder in new IVisionEncoder[] { dino, dinoV2, clip.VisionEncoder })
            encoder.Encode(pixels).Dispose();
        dino.Encode(wide).Dispose();
        dinoV2.Encode(wide).Dispose();
        dino.call(pixels).Dispose();
        dino.LastSelfAttention(pixels).Dispose();
        dino.IntermediateLayers(pixels, 2).ToList().ForEach(t => t.Dispose());
        clip.EncodeImages(pixels).Dispose();
        clip.EncodeTexts(["a", "a a"]).Dispose();
        clip.VisionEncoder.PenultimateHiddenStates(pixels).Dispose();
        clip.VisionEncoder.call(pixels).Dispose();
        using (Tensor ids = clip.Tokenizer.EncodeBatch(["a"]))
            clip.TextEncoder.Encode(ids).Dispose();

        Assert.Equal(before, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
    }

    [Fact]
    public void Weights_outlive_the_dispose_scope_that_the_model_was_made_in()
    {
        DinoVisionTransformer dino;
        ClipModel clip;
        using (NewDisposeScope())
        {
            dino = new(TinyDino);
            clip = new(Text, TinyVision, ClipFixture.TinyTokenizer(6));
        }
        using (dino)
        using (clip)
            Assert.All(dino.parameters().Concat(clip.parameters()), p => Assert.False(p.IsInvalid));
    }

    [Fact]
    public void Images_of_another_size_are_refused_with_the_sizes()
    {
        using DinoVisionTransformer dino = new(TinyDino);
        using ClipVisionEncoder clip = new(TinyVision);
        using Tensor small = zeros(1, 3, 3, 12), wide = zeros(1, 3, 12, 16), grey = zeros(1, 1, 12, 12);

        Assert.Contains("(1,3,3,12)", Assert.Throws<ArgumentException>(() => dino.Encode(small)).Message, StringComparison.Ordinal);
        Assert.Contains("(1,1,12,12)", Assert.Throws<ArgumentException>(() => dino.Encode(grey)).Message, StringComparison.Ordinal);
        string message = Assert.Throws<ArgumentException>(() => clip.Encode(wide)).Message;
        Assert.Contains("(B,3,12,12)", message, StringComparison.Ordinal);
        Assert.Contains("(1,3,12,16)", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Texts_longer_than_the_position_table_are_refused()
    {
        using ClipTextEncoder encoder = new(Text);
        using Tensor ids = zeros(1, 7, dtype: ScalarType.Int64);
        Assert.Contains("(1,7)", Assert.Throws<ArgumentException>(() => encoder.Encode(ids)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_end_token_of_the_configuration_decides_where_a_text_is_pooled()
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor ids = tensor(new long[,] { { 1, 5, 9, 5 } });
        foreach ((int eos, int position) in new[] { (2, 2), (9, 2), (5, 1) })
        {
            using ClipTextEncoder encoder = new(Text with { EosTokenId = eos });
            ClipTextOutput output = encoder.Encode(ids);
            Fixtures.AssertClose(output.Pooled, output.LastHiddenState[.., position], 0, $"end token {eos}");
        }
    }

    private static void AssertGradients(nn.Module model)
    {
        foreach ((string name, Parameter parameter) in model.named_parameters())
        {
            // A key's bias shifts all of a query's scores alike, which the softmax does not see.
            if (name.EndsWith("k_proj.bias", StringComparison.Ordinal))
                continue;
            Tensor? gradient = parameter.grad;
            Assert.True(gradient is not null && gradient.isfinite().all().item<bool>() && gradient.abs().max().item<float>() > 0, $"{name} has no gradient.");
        }
    }
}
