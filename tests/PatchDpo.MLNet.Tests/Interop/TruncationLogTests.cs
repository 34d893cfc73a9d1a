using Microsoft.ML;
using Microsoft.ML.Runtime;
using PatchDpo.MLNet.Interop;
using PatchDpo.Torch.Encoders;

namespace PatchDpo.MLNet.Tests.Interop;

public class TruncationLogTests
{
    [Fact]
    public void Warnings_leave_the_seeds_that_the_context_draws_as_they_are()
    {
        IHostEnvironment told = new MLContext(1), silent = new MLContext(1);
        var log = new TruncationLog(told, "Test");
        log.TellNegative(new TruncatedPrompt(null, 90, 77, "rest"));
        Assert.Equal(silent.Register("Trainer").Rand.Next(), told.Register("Trainer").Rand.Next());
    }
}
