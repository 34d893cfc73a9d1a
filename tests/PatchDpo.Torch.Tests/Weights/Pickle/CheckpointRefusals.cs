using PatchDpo.Tests;
using PatchDpo.Torch.Weights;
using PatchDpo.Torch.Weights.Pickle;
using static PatchDpo.Tests.CheckpointBytes;

namespace PatchDpo.Torch.Tests.Weights.Pickle;

/// <summary>What the tests of hostile and broken checkpoints share.</summary>
public abstract class CheckpointRefusals : IDisposable
{
    private protected TemporaryFolder Folder { get; } = new();

    public void Dispose() => Folder.Dispose();

    // A fault of the pickle is named with its place there, one of the content with the key.
    private protected void Refuses(SamplePickle pickle, string problem)
    {
        WeightsFormatException e = RefusesBytes<WeightsFormatException>(Checkpoint(pickle.Stop()), problem);
        Assert.True(e.Key is not null || e.Message.Contains("pickle, near byte ", StringComparison.Ordinal), e.Message);
    }

    private protected void RefusesCall(SamplePickle pickle, string request)
    {
        UnsafePickleException e = RefusesBytes<UnsafePickleException>(Checkpoint(pickle.Stop()), request);
        Assert.Equal(request, e.Request);
        Assert.InRange(e.Position, 3, pickle.Stop().Length);
        Assert.Contains($"near byte {e.Position}, ", e.Message);
    }

    private protected T RefusesBytes<T>(byte[] bytes, string problem)
        where T : Exception
    {
        string path = Folder.Write("a.pth", bytes);
        return AssertRefused<T>(() => TorchCheckpoint.Open(path), path, problem);
    }

    private protected static T AssertRefused<T>(Func<object> open, string path, string problem)
        where T : Exception
    {
        T e = Assert.Throws<T>(open);
        Assert.StartsWith($"'{path}'", e.Message);
        Assert.Contains(problem, e.Message);
        return e;
    }
}
