using System.CommandLine;
using PatchDpo.Torch.Encoders;

namespace PatchDpo.Tool.Shared;

/// <summary>The options that say how many images an encoder sees at once, and what is kept of them.</summary>
internal sealed class WorkOptions
{
    private const int Mebibyte = 1 << 20;

    private readonly Option<int> _batch = new("--batch")
    {
        Description = "Images encoded at once. With 1, an image's features depend on it alone, so that the same images give the same scores to the last bit, "
            + "whatever was scored before and however the work is divided; more is faster on a GPU.",
        DefaultValueFactory = _ => 1,
    };

    private readonly Option<int> _memory = new("--feature-memory")
    {
        Description = "The most MiB of patch features that are kept, so that an image of many pairs is encoded once.",
        DefaultValueFactory = _ => (int)(new FeatureCacheOptions().MaxBytes / Mebibyte),
    };

    private readonly Option<DirectoryInfo?> _folder = new("--features")
    {
        Description = "Folder in which patch features are kept for later runs, by image and encoder; default: none.",
    };

    /// <summary>Adds them to a command and those below it.</summary>
    public void AddTo(Command command)
    {
        foreach (Option option in new Option[] { _batch, _memory, _folder })
        {
            option.Recursive = true;
            command.Add(option);
        }
    }

    /// <summary>What was chosen.</summary>
    /// <exception cref="InputException">A number is out of range.</exception>
    public (int BatchSize, FeatureCacheOptions Features) Read(ParseResult arguments)
    {
        if (arguments.GetValue(_batch) < 1)
            throw new InputException("--batch must be at least 1.");
        if (arguments.GetValue(_memory) < 0)
            throw new InputException("--feature-memory must be at least 0.");
        return (arguments.GetValue(_batch), new FeatureCacheOptions
        {
            MaxBytes = (long)arguments.GetValue(_memory) * Mebibyte,
            Folder = arguments.GetValue(_folder)?.FullName,
        });
    }
}
