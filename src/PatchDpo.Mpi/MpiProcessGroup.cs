using System.Diagnostics;
using PatchDpo.Torch.Training.Parallel;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Mpi;

/// <summary>The processes that Open MPI's <c>mpirun</c> (or <c>srun --mpi=pmix</c>) started together; one alone where none did.</summary>
/// <remarks>
/// A process that was started alone loads nothing and needs no MPI. Tensors of a device go by way of the CPU. Calls come from any thread, one at a time.
/// A process joins once in its life; <see cref="Complete"/> is the good end. One that ends without it, however that comes, is a failure to the launcher,
/// which ends the others.
/// </remarks>
public sealed class MpiProcessGroup : IProcessGroup, IDisposable
{
    // Large tensors go in pieces: what is on its way at once stays small, and counts fit 32 bits.
    private const long PieceBytes = 32_000_000;

    private static readonly TimeSpan Eager = TimeSpan.FromSeconds(1), Grace = TimeSpan.FromSeconds(5);

    private static int s_joined;

    private readonly TimeSpan _timeout;
    private readonly RollCall? _rollCall;
    private bool _isOver;

    private MpiProcessGroup(int rank, int size, int localRank, TimeSpan timeout)
    {
        (Rank, Size, LocalRank, _timeout) = (rank, size, localRank, timeout);
        _rollCall = size > 1 ? new RollCall(rank) : null;
    }

    /// <summary>How long a process waits for the others unless told otherwise: 30 minutes, as PyTorch's process groups do.</summary>
    public static TimeSpan DefaultTimeout { get; } = TimeSpan.FromMinutes(30);

    /// <inheritdoc/>
    public int Rank { get; }

    /// <inheritdoc/>
    public int Size { get; }

    /// <summary>This process's number among those of its machine: which of the machine's devices is its own.</summary>
    public int LocalRank { get; }

    /// <summary>Joins the processes that this one was started with.</summary>
    /// <param name="timeout">
    /// How long a process waits for the others, at least a second; longer than any of them computes alone, such as the first one at a probe. Null: the default.
    /// </param>
    /// <exception cref="MpiException">There are several processes and Open MPI is not installed, is another MPI, or this process has joined before.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The timeout is less than a second.</exception>
    public static MpiProcessGroup Join(TimeSpan? timeout = null)
    {
        TimeSpan patience = timeout ?? DefaultTimeout;
        ArgumentOutOfRangeException.ThrowIfLessThan(patience, TimeSpan.FromSeconds(1), nameof(timeout));
        MpiLauncher? launcher = MpiLauncher.Find();
        if (launcher is not { Size: > 1 })
            return new MpiProcessGroup(0, 1, launcher?.LocalRank ?? 0, patience);
        OpenMpi.Load();
        if (Interlocked.Exchange(ref s_joined, 1) != 0)
            throw new MpiException("This process has joined its group already, which MPI allows once in a process's life.");
        OpenMpi.Check(OpenMpi.MPI_Init_thread(0, 0, OpenMpi.ThreadSerialized, out int provided), nameof(OpenMpi.MPI_Init_thread));
        if (provided < OpenMpi.ThreadSerialized)
            throw new MpiException("This build of Open MPI takes calls of one thread only; .NET needs one that is built with MPI_THREAD_SERIALIZED.");
        // Else a failed call would end the process without a word of ours.
        OpenMpi.Check(OpenMpi.MPI_Comm_set_errhandler(OpenMpi.World, OpenMpi.ErrorsReturn), nameof(OpenMpi.MPI_Comm_set_errhandler));
        OpenMpi.Check(OpenMpi.MPI_Comm_rank(OpenMpi.World, out int rank), nameof(OpenMpi.MPI_Comm_rank));
        OpenMpi.Check(OpenMpi.MPI_Comm_size(OpenMpi.World, out int size), nameof(OpenMpi.MPI_Comm_size));
        return (rank, size) == (launcher.Rank, launcher.Size) ? new MpiProcessGroup(rank, size, launcher.LocalRank, patience)
            : throw new MpiException($"The launcher says that this is rank {launcher.Rank} of {launcher.Size}, Open MPI that it is rank {rank} of {size}: the "
                + "processes were started by another MPI's launcher. Start them with Open MPI's mpirun, or srun --mpi=pmix.");
    }

    /// <inheritdoc/>
    public void AllReduce(Tensor values)
    {
        nint type = values.dtype switch
        {
            ScalarType.Float32 when Size > 1 => OpenMpi.Float,
            ScalarType.Float64 when Size > 1 => OpenMpi.Double,
            ScalarType.Int64 when Size > 1 => OpenMpi.Int64,
            ScalarType.Float32 or ScalarType.Float64 or ScalarType.Int64 => 0,
            _ => throw new ArgumentException($"Sums are of Float32, Float64 or Int64, not {values.dtype}.", nameof(values)),
        };
        Run(values, values.element_size(), (pointer, count) =>
        {
            OpenMpi.Check(OpenMpi.MPI_Iallreduce(OpenMpi.InPlace, pointer, count, type, OpenMpi.Sum, OpenMpi.World, out nint request),
                nameof(OpenMpi.MPI_Iallreduce));
            return request;
        });
    }

    /// <inheritdoc/>
    public void Broadcast(Tensor values, int root)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(root);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(root, Size);
        Run(values, 1, (pointer, count) =>
        {
            OpenMpi.Check(OpenMpi.MPI_Ibcast(pointer, count, OpenMpi.Byte, root, OpenMpi.World, out nint request), nameof(OpenMpi.MPI_Ibcast));
            return request;
        });
    }

    /// <inheritdoc/>
    public void Barrier()
    {
        ObjectDisposedException.ThrowIf(_isOver, this);
        if (Size == 1)
            return;
        OpenMpi.Check(OpenMpi.MPI_Ibarrier(OpenMpi.World, out nint request), nameof(OpenMpi.MPI_Ibarrier));
        Wait(request);
    }

    /// <summary>The work is done: waits for the others to say so, and leaves MPI. Nothing can be computed together after it.</summary>
    /// <exception cref="LostRankException">A process does not answer.</exception>
    public void Complete()
    {
        Barrier();
        _isOver = true;
        if (Size == 1)
            return;
        _rollCall!.Dispose();
        OpenMpi.Check(OpenMpi.MPI_Finalize(), nameof(OpenMpi.MPI_Finalize));
    }

    /// <summary>Ends all processes of the group at once, this one included; does nothing where it is alone, or the work is done.</summary>
    /// <param name="exitCode">What the launcher ends with.</param>
    public void Abort(int exitCode)
    {
        if (Size > 1 && !_isOver)
            OpenMpi.MPI_Abort(OpenMpi.World, exitCode);
    }

    /// <summary>Nothing can be computed together after it. Without <see cref="Complete"/>, the end of the process is a failure to the launcher.</summary>
    public void Dispose() => _isOver = true;

    /// <summary>Does something with a tensor's memory, piece by piece.</summary>
    private unsafe void Run(Tensor values, long elementBytes, Func<nint, int, nint> start)
    {
        ObjectDisposedException.ThrowIf(_isOver, this);
        if (!values.is_contiguous())
            throw new ArgumentException("The tensor is not contiguous.", nameof(values));
        if (Size == 1 || values.numel() == 0)
            return;
        using IDisposable noGrad = no_grad();
        using DisposeScope scope = NewDisposeScope();
        Tensor own = values.device_type == DeviceType.CPU ? values : values.cpu();
        long total = own.numel() * own.element_size() / elementBytes, piece = PieceBytes / elementBytes;
        fixed (byte* memory = own.bytes)
        {
            for (long first = 0; first < total; first += piece)
                Wait(start((nint)(memory + (first * elementBytes)), (int)Math.Min(piece, total - first)));
        }
        if (!ReferenceEquals(own, values))
            values.copy_(own);
    }

    /// <summary>Waits for the others without blocking in MPI, so that one that does not come can be named.</summary>
    private void Wait(nint request)
    {
        var clock = Stopwatch.StartNew();
        TimeSpan? asked = null;
        while (true)
        {
            OpenMpi.Check(OpenMpi.MPI_Test(ref request, out int isDone, OpenMpi.NoStatus), nameof(OpenMpi.MPI_Test));
            if (isDone != 0)
                return;
            // Data are on their way, or others compute still: then the core is theirs.
            if (clock.Elapsed < Eager)
            {
                Thread.Yield();
                continue;
            }
            Thread.Sleep(1);
            _rollCall!.Attend();
            if (asked is null && clock.Elapsed > _timeout)
            {
                _rollCall.Ask(Size);
                asked = clock.Elapsed;
            }
            if (asked is TimeSpan since && (clock.Elapsed - since > Grace || _rollCall.Present.Count == Size - 1))
                throw new LostRankException([.. Enumerable.Range(0, Size).Where(r => r != Rank && !_rollCall.Present.Contains(r))], _timeout);
        }
    }
}
