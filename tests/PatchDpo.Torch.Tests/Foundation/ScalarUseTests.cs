using PatchDpo.Tests;
using PatchDpo.Torch.Foundation;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Foundation;

public class ScalarUseTests
{
    [Fact]
    public void The_library_holds_every_number_that_native_code_reads()
        => Assert.Empty(ScalarUse.Find(typeof(TorchRuntime).Assembly.Location));

    [Theory]
    [InlineData(nameof(Examples.Conversion), "Scalar::op_Implicit")]
    [InlineData(nameof(Examples.AddedTensors), "Tensor::op_Addition")]
    [InlineData(nameof(Examples.Square), "Tensor::square")]
    [InlineData(nameof(Examples.InALambda), "Tensor::op_Multiply")]
    [InlineData(nameof(Examples.Optimizer), "optim::AdamW")]
    [InlineData(nameof(Examples.Normalisation), "nn::BatchNorm2d")]
    public void What_frees_a_number_too_early_is_found(string method, string callee)
        => Assert.Contains(ScalarUse.Find(typeof(ScalarUseTests).Assembly.Location), found => found.Contains(method, StringComparison.Ordinal)
            && found.Contains(callee, StringComparison.Ordinal));

    // Never called: read from the compiled code.
    private static class Examples
    {
        public static Tensor Conversion(Tensor x) => x.clamp_min(0.5);

        public static Tensor AddedTensors(Tensor x) => x + x;

        public static Tensor Square(Tensor x) => x.square();

        public static Func<Tensor, Tensor> InALambda() => x => x * 0.5;

        public static optim.Optimizer Optimizer(nn.Module module) => optim.AdamW(module.parameters());

        public static nn.Module Normalisation() => nn.BatchNorm2d(4);
    }
}
