using PatchDpo.Torch.Diffusion.Blocks;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Diffusion.Blocks;

public class NormsTests
{
    [Fact]
    public void GroupNorm_starts_with_weight_one_and_bias_zero()
    {
        using DisposeScope scope = NewDisposeScope();
        GroupNorm norm = Norms.GroupNorm(8, 4096);
        Assert.True(norm.weight!.eq(1).all().ToBoolean());
        Assert.True(norm.bias!.eq(0).all().ToBoolean());
        Assert.True(norm.weight!.requires_grad && norm.bias!.requires_grad);
    }

    [Fact]
    public void GroupNorm_normalises_each_group()
    {
        using DisposeScope scope = NewDisposeScope();
        GroupNorm norm = Norms.GroupNorm(2, 4, eps: 0);
        Tensor x = randn(3, 4, 5, 5) * 3 + 7;
        Tensor y = norm.forward(x).view(3, 2, -1);
        Assert.True(y.mean([2]).abs().max().item<float>() < 1e-5);
        Assert.True((y.var(2, unbiased: false) - 1).abs().max().item<float>() < 1e-4);
    }

    [Fact]
    public void GroupNorm_refuses_groups_that_do_not_divide_the_channels() =>
        Assert.Throws<ArgumentException>(() => Norms.GroupNorm(3, 4));
}
