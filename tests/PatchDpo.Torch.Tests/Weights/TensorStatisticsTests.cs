using PatchDpo.Torch.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Weights;

public class TensorStatisticsTests
{
    [Fact]
    public void Values_that_are_not_finite_are_counted_and_left_out()
    {
        using DisposeScope scope = NewDisposeScope();
        Assert.Equal(new TensorStatistics(-2, 1, 5, 0), TensorStatistics.Of(tensor(new[] { 5f, -2f, 0f })));
        Assert.Equal(new TensorStatistics(-2, 1.5, 5, 3), TensorStatistics.Of(
            tensor(new[] { 5f, float.NaN, -2f, float.PositiveInfinity, float.NegativeInfinity })));
        Assert.Equal(new TensorStatistics(double.NaN, double.NaN, double.NaN, 2), TensorStatistics.Of(full([2], float.NaN, dtype: float16)));
        Assert.Equal(new TensorStatistics(double.NaN, double.NaN, double.NaN, 0), TensorStatistics.Of(empty(0, 3)));
        Assert.Equal(new TensorStatistics(0, 0.5, 1, 0), TensorStatistics.Of(tensor(new[] { true, false })));
        Assert.Equal(new TensorStatistics(7, 7, 7, 0), TensorStatistics.Of(tensor(7L)));
    }

    [Fact]
    public void Large_views_of_any_order_are_read_whole_and_leak_nothing()
    {
        using DisposeScope scope = NewDisposeScope();
        const long Side = 2100;
        Tensor values = arange(Side * Side, int32).reshape(Side, Side).t();
        Assert.Equal(new TensorStatistics(0, ((Side * Side) - 1) / 2.0, (Side * Side) - 1, 0), TensorStatistics.Of(values));
        LeakCheck.Run(() => TensorStatistics.Of(values));
    }
}
