using PatchDpo.Torch.Diffusion;
using PatchDpo.Torch.Diffusion.UNet;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Diffusion;

/// <summary>What a UNet gives to the branch of an adapter of any family, and what the branch may do with it.</summary>
public sealed class CrossAttentionCallTests
{
    private static readonly UNetConfig Config = new()
    {
        SampleSize = 8,
        InChannels = 4,
        OutChannels = 4,
        DownBlockTypes = ["CrossAttnDownBlock2D", "DownBlock2D"],
        UpBlockTypes = ["UpBlock2D", "CrossAttnUpBlock2D"],
        BlockOutChannels = [8, 16],
        LayersPerBlock = [1, 1],
        AttentionHeads = [2, 2],
        TransformerLayers = [1, 1],
        CrossAttentionDims = [12, 12],
        NormGroups = 4,
    };

    [Fact]
    public void Every_cross_attention_layer_asks_once_with_its_number_and_grid()
    {
        using DisposeScope scope = NewDisposeScope();
        List<(int Index, long Height, long Width, long Cells)> calls = [];
        Predict(new Branch(c =>
        {
            calls.Add((c.LayerIndex, c.Height, c.Width, c.Query.shape[2]));
            return c.AttendToText();
        }), height: 4, width: 6);
        Assert.Equal([1, 3, 5, 7], calls.Select(c => c.Index).Order());
        Assert.All(calls, c => Assert.Equal(c.Height * c.Width, c.Cells));
        // Latents of 4 x 6; the middle block lies one halving below.
        Assert.Equal([(4, 6), (4, 6), (4, 6), (2, 3)], calls.OrderBy(c => c.Index).Select(c => ((int)c.Height, (int)c.Width)));
    }

    [Fact]
    public void A_branch_that_attends_to_the_text_is_no_branch()
    {
        using DisposeScope scope = NewDisposeScope();
        Fixtures.AssertClose(Predict(new Branch(c => c.AttendToText())), Predict(null), 1e-6, "text alone");
    }

    [Fact]
    public void Probabilities_on_request_are_those_of_the_fused_kernel()
    {
        using DisposeScope scope = NewDisposeScope();
        Fixtures.AssertClose(Predict(new Branch(c => matmul(c.Probabilities(c.TextKey), c.TextValue))), Predict(null), 1e-5, "plain attention");
    }

    [Fact]
    public void A_branch_may_replace_the_texts_keys_and_values()
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor other = Wave(9, 2, 5, 12);
        Fixtures.AssertClose(
            Predict(new Branch(c => c.Attend(c.ProjectKey(other), c.ProjectValue(other)))), Predict(null, text: other), 1e-6, "another text");
    }

    [Fact]
    public void A_branch_may_mask_and_weigh_by_the_place_in_the_grid()
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor left = Predict(new Branch(c =>
        {
            // Columns of the left half see the first three words alone.
            Tensor columns = arange(c.Height * c.Width).remainder(c.Width);
            Tensor mask = where(columns.lt(c.Width / 2).unsqueeze(1).logical_and(arange(c.Text.shape[1]).ge(3)), tensor(float.NegativeInfinity), tensor(0f));
            return c.Attend(c.TextKey, c.TextValue, mask);
        }));
        Assert.True((left - Predict(null)).abs().max().item<float>() > 1e-4f);
    }

    [Fact]
    public void Heads_part_and_join_without_a_change()
    {
        using DisposeScope scope = NewDisposeScope();
        Predict(new Branch(c =>
        {
            Fixtures.AssertClose(c.SplitHeads(c.MergeHeads(c.Query)), c.Query, 0, "heads");
            return c.AttendToText();
        }));
    }

    [Fact]
    public void A_branch_is_checked_before_anything_is_computed()
    {
        using DisposeScope scope = NewDisposeScope();
        Branch branch = new(_ => throw new InvalidOperationException("called")) { Fault = new ArgumentException("not two rows") };
        Assert.Equal("not two rows", Assert.Throws<ArgumentException>(() => Predict(branch)).Message);
    }

    private static Tensor Predict(IImagePromptBranch? branch, int height = 4, int width = 4, Tensor? text = null)
    {
        using IDisposable noGrad = no_grad();
        random.manual_seed(5);
        using UNet2DConditionModel unet = new(Config);
        return unet.forward(Wave(1, 2, 4, height, width), tensor(300), text ?? Wave(2, 2, 7, 12), imagePrompt: branch);
    }

    private static Tensor Wave(int seed, params long[] shape)
        => tensor([.. Enumerable.Range(0, (int)shape.Aggregate((a, b) => a * b)).Select(i => (float)Math.Sin((0.7 * i) + seed))]).reshape(shape);

    private sealed class Branch(Func<CrossAttentionCall, Tensor> attend) : IImagePromptBranch
    {
        public ArgumentException? Fault { get; init; }

        public void Check(long batch)
        {
            if (Fault is not null)
                throw Fault;
        }

        public Tensor Attend(CrossAttentionCall layer) => attend(layer);
    }
}
