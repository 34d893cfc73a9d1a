using System.Runtime.ExceptionServices;
using PatchDpo.Torch.Loop;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Training.Parallel;

/// <summary>What the processes of a data-parallel training tell each other in a step: a vote, then gradients in buckets.</summary>
/// <param name="group">The processes.</param>
/// <param name="share">The share of a batch's rows that are this process's, in (0, 1].</param>
/// <remarks>
/// The buckets go out behind the backward pass, not during it: TorchSharp has no hook on a tensor's gradient, and docs/scale.md has what there would be to
/// gain.
/// </remarks>
internal sealed class StepExchange(IProcessGroup group, double share) : ILoopPeers
{
    // As PyTorch's DistributedDataParallel has it: few messages, and small beside the gradients.
    private const long BucketBytes = 25_000_000;

    private enum Vote
    {
        Takes,
        Stops,
        Failed,
    }

    /// <inheritdoc/>
    public double Share => share;

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, long> Begin(TrainingState own)
    {
        using IDisposable noGrad = no_grad();
        using DisposeScope scope = NewDisposeScope();
        string[] names = [.. own.Numbers.Keys.Order(StringComparer.Ordinal)];
        Tensor numbers = tensor(names.Select(n => own.Numbers[n]).ToArray());
        group.Broadcast(numbers, 0);
        foreach ((_, Tensor value) in own.Tensors.OrderBy(t => t.Key, StringComparer.Ordinal))
            group.Broadcast(value, 0);
        return names.Zip(numbers.data<long>().ToArray()).ToDictionary(n => n.First, n => n.Second);
    }

    /// <inheritdoc/>
    public double Exchange(double loss, Exception? fault, IReadOnlyList<Parameter> parameters)
    {
        using IDisposable noGrad = no_grad();
        using DisposeScope scope = NewDisposeScope();
        double[] told = new double[1 + group.Size + parameters.Count];
        told[0] = fault is null ? loss * share : 0;
        told[1 + group.Rank] = (double)(fault switch { null => Vote.Takes, OperationCanceledException => Vote.Stops, _ => Vote.Failed });
        for (int i = 0; i < parameters.Count; i++)
            told[1 + group.Size + i] = parameters[i].grad is null ? 0 : 1;
        Tensor vote = tensor(told);
        group.AllReduce(vote);
        double[] all = vote.data<double>().ToArray();
        ThrowFault([.. all[1..(1 + group.Size)].Select(v => (Vote)v)], fault);
        // What no process has a gradient of is not trained in this step.
        Sum([.. parameters.Where((_, i) => all[1 + group.Size + i] > 0)]);
        return all[0];
    }

    private void ThrowFault(Vote[] votes, Exception? own)
    {
        int failed = Array.IndexOf(votes, Vote.Failed);
        if (failed >= 0)
        {
            string problem = RankTexts.Broadcast(group, own?.Message, failed);
            if (votes[group.Rank] == Vote.Failed)
                ExceptionDispatchInfo.Throw(own!);
            throw new RankFailedException(failed, problem);
        }
        if (Array.IndexOf(votes, Vote.Stops) is >= 0 and int stopped)
            throw own ?? new OperationCanceledException($"Rank {stopped} was asked to stop.");
    }

    private void Sum(IReadOnlyList<Parameter> parameters)
    {
        List<Tensor> bucket = [];
        long bytes = 0;
        foreach (Parameter parameter in parameters)
        {
            if (parameter.grad is null)
                parameter.grad = zeros_like(parameter);
            Tensor gradient = parameter.grad!;
            bucket.Add(gradient);
            bytes += gradient.numel() * gradient.element_size();
            if (bytes >= BucketBytes)
                Send();
        }
        if (bucket.Count > 0)
            Send();

        void Send()
        {
            SumBucket(bucket);
            bucket.Clear();
            bytes = 0;
        }
    }

    private void SumBucket(List<Tensor> gradients)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor flat = cat([.. gradients.Select(g => g.flatten())]);
        group.AllReduce(flat);
        long first = 0;
        foreach (Tensor gradient in gradients)
        {
            gradient.copy_(flat.narrow(0, first, gradient.numel()).view(gradient.shape));
            first += gradient.numel();
        }
    }
}
