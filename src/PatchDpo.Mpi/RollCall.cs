using System.Runtime.InteropServices;

namespace PatchDpo.Mpi;

/// <summary>Finds out which processes are not there any more: whoever has waited too long asks all others, and those that wait too answer.</summary>
/// <remarks>It costs nothing until somebody asks: no process sends a heartbeat, and there is none that all others depend on.</remarks>
internal sealed unsafe class RollCall : IDisposable
{
    private const int Question = 1, Answer = 2, Tag = 0x5044, Integers = 2, MessageBytes = Integers * sizeof(int);

    private readonly int _rank;
    private readonly HashSet<int> _present = [];
    private readonly List<nint> _sent = [];
    private readonly int* _received = (int*)NativeMemory.AllocZeroed(MessageBytes);
    private nint _request;

    /// <param name="rank">This process's number.</param>
    public RollCall(int rank)
    {
        _rank = rank;
        Listen();
    }

    /// <summary>Who has been heard of since the last <see cref="Ask"/>.</summary>
    public IReadOnlySet<int> Present => _present;

    /// <summary>Answers whoever has asked, and notes who has answered.</summary>
    public void Attend()
    {
        while (true)
        {
            OpenMpi.Check(OpenMpi.MPI_Test(ref _request, out int isDone, OpenMpi.NoStatus), nameof(OpenMpi.MPI_Test));
            if (isDone == 0)
                return;
            (int kind, int from) = (_received[0], _received[1]);
            _present.Add(from);
            if (kind == Question)
                Send(Answer, from);
            Listen();
        }
    }

    /// <summary>Asks all others whether they are there.</summary>
    /// <param name="size">How many processes there are.</param>
    public void Ask(int size)
    {
        _present.Clear();
        for (int other = 0; other < size; other++)
            if (other != _rank)
                Send(Question, other);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        OpenMpi.Check(OpenMpi.MPI_Cancel(ref _request), nameof(OpenMpi.MPI_Cancel));
        OpenMpi.Check(OpenMpi.MPI_Request_free(ref _request), nameof(OpenMpi.MPI_Request_free));
        // What was sent may be on its way still: a few bytes that go with the process.
        _sent.Clear();
    }

    private void Send(int kind, int to)
    {
        int* message = (int*)NativeMemory.Alloc(MessageBytes);
        (message[0], message[1]) = (kind, _rank);
        _sent.Add((nint)message);
        OpenMpi.Check(OpenMpi.MPI_Isend((nint)message, MessageBytes, OpenMpi.Byte, to, Tag, OpenMpi.World, out nint request), nameof(OpenMpi.MPI_Isend));
        OpenMpi.Check(OpenMpi.MPI_Request_free(ref request), nameof(OpenMpi.MPI_Request_free));
    }

    private void Listen() => OpenMpi.Check(
        OpenMpi.MPI_Irecv((nint)_received, MessageBytes, OpenMpi.Byte, OpenMpi.AnySource, Tag, OpenMpi.World, out _request), nameof(OpenMpi.MPI_Irecv));
}
