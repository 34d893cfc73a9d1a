using PatchDpo.Tests;
using PatchDpo.Torch.Runtime;

namespace PatchDpo.Torch.Tests.Foundation;

public class ScalarUseTests
{
    [Fact]
    public void The_library_holds_every_number_that_native_code_reads()
        => Assert.Empty(ScalarUse.Find(typeof(TorchRuntime).Assembly.Location));
}
