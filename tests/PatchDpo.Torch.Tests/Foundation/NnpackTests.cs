using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Foundation;

public class NnpackTests
{
    [Fact]
    public void A_convolution_of_one_image_writes_no_warning()
    {
        // In a process of its own: libtorch writes past the console that .NET knows.
        (int exitCode, _, string errors) = ChildProcess.Finish(ChildProcess.StartAssembly("PatchDpo.Torch.Tests.dll", nameof(OneConvolution)));
        Assert.Equal((0, ""), (exitCode, errors));
    }

    /// <summary>What the process does.</summary>
    internal static void OneConvolution()
    {
        using Tensor x = ones(1, 16, 32, 32), kernels = ones(16, 16, 3, 3);
        nn.functional.conv2d(x, kernels, padding: [1, 1]).Dispose();
    }
}
