using PatchDpo.Torch.Foundation;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Foundation;

public sealed class TensorValuesTests
{
    [Fact]
    public void Numbers_come_in_the_order_of_the_dimensions_whatever_the_strides_and_the_type()
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor rows = arange(24, dtype: ScalarType.Float32).reshape(2, 3, 4);
        Assert.Equal(Enumerable.Range(0, 24).Select(i => (float)i), rows.ToFloats());
        // [b, j, i] of the transposed one is [b, i, j].
        Assert.Equal(from b in Enumerable.Range(0, 2) from j in Enumerable.Range(0, 4) from i in Enumerable.Range(0, 3) select (float)((b * 12) + (i * 4) + j),
            rows.transpose(1, 2).ToFloats());
        Assert.Equal([16f, 17f, 18f, 19f], rows.to(ScalarType.BFloat16)[1, 1].ToFloats());
        Assert.Equal([5f, 6f], rows.flatten().narrow(0, 5, 2).requires_grad_().ToFloats());
        Assert.Empty(empty(0, 3).ToFloats());
    }
}
