using TorchSharp;

namespace PatchDpo.Torch.Tests;

/// <summary>Asserts that an action leaves no tensor undisposed behind.</summary>
internal static class LeakCheck
{
    /// <summary>Runs the action once to warm up and once under watch; counts this thread's tensors only.</summary>
    public static void Run(Action action)
    {
        action();
        long before = Alive();
        action();
        Assert.Equal(before, Alive());
    }

    private static long Alive() => DisposeScopeManager.Statistics.ThreadTotalLiveCount;
}
