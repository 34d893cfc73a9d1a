using static TorchSharp.torch;

namespace PatchDpo.Torch.Training.Parallel;

/// <summary>Processes that compute one result together: all of them make the same calls in the same order.</summary>
/// <remarks>
/// The contract is what data-parallel training needs and no more, so that any engine can stand behind it. Tensors on the CPU are taken always; those of a device
/// where the engine reads its memory (CUDA-aware MPI, NCCL), or else by way of the CPU. docs/scale.md says what was tried.
/// </remarks>
public interface IProcessGroup
{
    /// <summary>This process's number, from 0.</summary>
    int Rank { get; }

    /// <summary>How many processes there are, at least 1.</summary>
    int Size { get; }

    /// <summary>Replaces a tensor by its sum over all processes, which is the same bits in all of them.</summary>
    /// <param name="values">Float32, Float64 or Int64, contiguous, of one shape in all processes; changed in place.</param>
    /// <exception cref="ArgumentException">Another type, or not contiguous.</exception>
    /// <exception cref="LostRankException">A process does not answer.</exception>
    void AllReduce(Tensor values);

    /// <summary>Replaces a tensor by one process's.</summary>
    /// <param name="values">Any type, contiguous, of one shape in all processes; changed in place but for the root's.</param>
    /// <param name="root">Whose values all get.</param>
    /// <exception cref="ArgumentException">It is not contiguous.</exception>
    /// <exception cref="ArgumentOutOfRangeException">There is no such rank.</exception>
    /// <exception cref="LostRankException">A process does not answer.</exception>
    void Broadcast(Tensor values, int root);

    /// <summary>Returns when all processes have called it.</summary>
    /// <exception cref="LostRankException">A process does not answer.</exception>
    void Barrier();
}
