using TorchSharp.Modules;

namespace PatchDpo.Torch.Loop;

/// <summary>The processes that take the steps of one training together, each with rows of its own.</summary>
internal interface ILoopPeers
{
    /// <summary>The share of a step's rows that are this process's, in (0, 1].</summary>
    double Share { get; }

    /// <summary>Before the first step: all processes begin where the first one is.</summary>
    /// <param name="own">The loop's state, whose tensors become the first process's.</param>
    /// <returns>The first process's counters.</returns>
    IReadOnlyDictionary<string, long> Begin(TrainingState own);

    /// <summary>
    /// Between a step's backward pass and its update: the processes vote on whether the step is taken, and if it is, gradients become their sum over all of
    /// them.
    /// </summary>
    /// <param name="loss">The mean loss of this process's rows.</param>
    /// <param name="fault">Why this process cannot take the step; null: it can.</param>
    /// <param name="parameters">The trained parameters, with the gradients of this process's share.</param>
    /// <returns>The mean loss of all rows.</returns>
    /// <exception cref="OperationCanceledException">A process was cancelled, and none has another fault.</exception>
    double Exchange(double loss, Exception? fault, IReadOnlyList<Parameter> parameters);
}
