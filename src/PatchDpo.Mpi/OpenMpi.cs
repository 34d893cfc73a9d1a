using System.Reflection;
using System.Runtime.InteropServices;
using System.Text;

namespace PatchDpo.Mpi;

/// <summary>The calls of Open MPI that are needed, and its handles.</summary>
/// <remarks>
/// Called directly because the one MPI binding on NuGet (MPI.NET 1.4.0) loads Microsoft's msmpi.dll alone. MPI fixes the names of its calls but not
/// their binary form: a handle is a pointer to an exported object here and a number in MPICH, so that another MPI must be refused before the first call.
/// </remarks>
internal static partial class OpenMpi
{
    public const int Success = 0, AnySource = -1, ThreadSerialized = 2;

    /// <summary>MPI_IN_PLACE.</summary>
    public const nint InPlace = 1;

    /// <summary>MPI_STATUS_IGNORE.</summary>
    public const nint NoStatus = 0;

    private const string Library = "mpi";

    private const int MaxVersionLength = 8192, MaxErrorLength = 512;

    // Open MPI 4 and 5 have the first; the others are where other MPIs are found, to be named.
    private static readonly string[] Files = ["libmpi.so.40", "libmpi.so", "libmpi.so.12", "libmpich.so.12"];

    private static nint s_library;

    /// <summary>MPI_COMM_WORLD.</summary>
    public static nint World => Handle("ompi_mpi_comm_world");

    /// <summary>MPI_SUM.</summary>
    public static nint Sum => Handle("ompi_mpi_op_sum");

    /// <summary>MPI_BYTE.</summary>
    public static nint Byte => Handle("ompi_mpi_byte");

    /// <summary>MPI_FLOAT.</summary>
    public static nint Float => Handle("ompi_mpi_float");

    /// <summary>MPI_DOUBLE.</summary>
    public static nint Double => Handle("ompi_mpi_double");

    /// <summary>MPI_INT64_T.</summary>
    public static nint Int64 => Handle("ompi_mpi_int64_t");

    /// <summary>MPI_ERRORS_RETURN.</summary>
    public static nint ErrorsReturn => Handle("ompi_mpi_errors_return");

    /// <summary>Loads Open MPI.</summary>
    /// <exception cref="MpiException">There is no MPI, or another one.</exception>
    public static void Load()
    {
        if (s_library != 0)
            return;
        nint library = Array.ConvertAll(Files, f => NativeLibrary.TryLoad(f, out nint found) ? found : 0).FirstOrDefault(l => l != 0);
        if (library == 0)
            throw new MpiException("Several processes were started, but Open MPI's library (libmpi.so.40) is not installed here. On Debian: apt-get install "
                + "openmpi-bin.");
        NativeLibrary.SetDllImportResolver(
            Assembly.GetExecutingAssembly(), (name, _, _) => name == Library ? library : 0);
        RequireOpenMpi(Version());
        s_library = library;
    }

    /// <summary>Refuses an MPI that is not Open MPI.</summary>
    /// <param name="version">What MPI_Get_library_version gives.</param>
    /// <exception cref="MpiException">It is another one; the message names it.</exception>
    internal static void RequireOpenMpi(string version)
    {
        if (!version.StartsWith("Open MPI", StringComparison.Ordinal))
        {
            string name = string.Join(' ', version.Split((char[])['\n', '\r', ','])[0].Split((char[])[' ', '\t', ':'], StringSplitOptions.RemoveEmptyEntries));
            throw new MpiException($"The MPI of this machine is '{name}'; Open MPI is needed (on Debian: openmpi-bin), and its mpirun.");
        }
    }

    /// <summary>Throws where a call failed.</summary>
    /// <param name="code">What it returned.</param>
    /// <param name="call">Its name.</param>
    /// <exception cref="MpiException">It did.</exception>
    public static unsafe void Check(int code, string call)
    {
        if (code == Success)
            return;
        byte* text = stackalloc byte[MaxErrorLength];
        string problem = MPI_Error_string(code, text, out int length) == Success ? Encoding.UTF8.GetString(text, length) : $"error {code}";
        throw new MpiException($"{call} failed: {problem}.");
    }

    private static unsafe string Version()
    {
        byte* text = stackalloc byte[MaxVersionLength];
        return MPI_Get_library_version(text, out int length) == Success ? Encoding.UTF8.GetString(text, length) : "";
    }

    private static nint Handle(string symbol) => NativeLibrary.GetExport(s_library, symbol);

    [LibraryImport(Library)]
    private static unsafe partial int MPI_Get_library_version(byte* version, out int length);

    [LibraryImport(Library)]
    private static unsafe partial int MPI_Error_string(int code, byte* text, out int length);

    [LibraryImport(Library)]
    public static partial int MPI_Init_thread(nint arguments, nint values, int required, out int provided);

    [LibraryImport(Library)]
    public static partial int MPI_Comm_set_errhandler(nint communicator, nint handler);

    [LibraryImport(Library)]
    public static partial int MPI_Comm_rank(nint communicator, out int rank);

    [LibraryImport(Library)]
    public static partial int MPI_Comm_size(nint communicator, out int size);

    [LibraryImport(Library)]
    public static partial int MPI_Iallreduce(nint send, nint receive, int count, nint type, nint operation, nint communicator, out nint request);

    [LibraryImport(Library)]
    public static partial int MPI_Ibcast(nint buffer, int count, nint type, int root, nint communicator, out nint request);

    [LibraryImport(Library)]
    public static partial int MPI_Ibarrier(nint communicator, out nint request);

    [LibraryImport(Library)]
    public static partial int MPI_Isend(nint buffer, int count, nint type, int to, int tag, nint communicator, out nint request);

    [LibraryImport(Library)]
    public static partial int MPI_Irecv(nint buffer, int count, nint type, int from, int tag, nint communicator, out nint request);

    [LibraryImport(Library)]
    public static partial int MPI_Test(ref nint request, out int isDone, nint status);

    [LibraryImport(Library)]
    public static partial int MPI_Cancel(ref nint request);

    [LibraryImport(Library)]
    public static partial int MPI_Request_free(ref nint request);

    [LibraryImport(Library)]
    public static partial int MPI_Finalize();

    [LibraryImport(Library)]
    public static partial int MPI_Abort(nint communicator, int code);
}
