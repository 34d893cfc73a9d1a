using PatchDpo.Torch.Foundation;

namespace PatchDpo.Torch.Weights.Pickle;

/// <summary>A pickle asks for something that is not on the list of what may be built from one. Nothing of it was run.</summary>
public sealed class UnsafePickleException : PatchDpoException
{
    /// <summary>Builds the message from the file and what it asked for.</summary>
    /// <param name="path">The file.</param>
    /// <param name="request">What the pickle asked for, such as <c>os.system</c>.</param>
    /// <param name="position">The place in the pickle, in bytes from its beginning (in a legacy checkpoint: from the file's).</param>
    public UnsafePickleException(string path, string request, long position)
        : base($"'{path}': near byte {position}, the pickle asks for {KeyText.Quote(request)}, which is not on the list of what may be built. Nothing was "
            + "run. A checkpoint must hold tensors, numbers, strings, lists and dictionaries only (a state_dict, not a pickled model).")
    {
        Path = path;
        Request = request;
        Position = position;
    }

    /// <summary>The file at fault.</summary>
    public string Path { get; }

    /// <summary>What the pickle asked for.</summary>
    public string Request { get; }

    /// <summary>The place in the pickle, in bytes.</summary>
    public long Position { get; }
}
