using TorchSharp;

namespace PatchDpo.Torch.Tests;

/// <summary>Asserts that an action leaves no tensor undisposed behind.</summary>
internal static class LeakCheck
{
    /// <summary>Runs the action once to warm up and then under watch; counts this thread's tensors only.</summary>
    public static void Run(Action action, int times = 1)
    {
        action();
        long before = Alive();
        for (int i = 0; i < times; i++)
            action();
        Assert.Equal(before, Alive());
    }

    private static long Alive() => DisposeScopeManager.Statistics.ThreadTotalLiveCount;
}
