using PatchDpo.Torch.Foundation;
using TorchSharp;

namespace PatchDpo.Torch.Tests.Foundation;

public sealed class TorchRuntimeTests
{
    [Fact]
    public void TorchSharp_computes_after_initialisation()
    {
        TorchRuntime.Initialize();
        using DisposeScope scope = torch.NewDisposeScope();
        Assert.Equal(6f, torch.tensor(new[] { 1f, 2f, 3f }).sum().item<float>());
    }

    [Fact]
    public void No_gpu_asked_for_means_the_cpu()
        => Assert.Equal(DeviceType.CPU, TorchRuntime.ResolveDevice(null, fallbackToCpu: false).type);

    [Fact]
    public void An_absent_gpu_falls_back_only_where_that_is_allowed()
    {
        Assert.Equal(DeviceType.CPU, TorchRuntime.ResolveDevice(1_000, fallbackToCpu: true).type);
        InvalidOperationException e = Assert.Throws<InvalidOperationException>(() => TorchRuntime.ResolveDevice(1_000, fallbackToCpu: false));
        Assert.Contains("1000", e.Message);
    }
}
