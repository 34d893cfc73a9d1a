using PatchDpo.Tests;

namespace PatchDpo.MLNet.Tests.Interop;

public class ScalarUseTests
{
    [Fact]
    public void The_components_hold_every_number_that_native_code_reads()
        => Assert.Empty(ScalarUse.Find(typeof(PatchDpoCatalog).Assembly.Location));
}
