using System.CommandLine;
using PatchDpo.Tool.Shared;
using PatchDpo.Tool.Shards;

namespace PatchDpo.Tool.Merge;

/// <summary>Makes a command's output of what its shards left.</summary>
internal sealed class MergeCommand : ToolCommand
{
    private readonly Argument<DirectoryInfo> _output;

    public MergeCommand() : base("merge", "Makes the output of score, evaluate or build of what their shards (--shard) left in the output's folder, as one process "
        + "would have written it. Where parts are missing, it says so.")
        => _output = DeclareArgument<DirectoryInfo>("output", "The output folder that the shards were given.");

    protected override int Run(ParseResult arguments, CancellationToken cancellationToken)
    {
        ShardManifest manifest = ShardManifest.Read(Path.Combine(arguments.GetValue(_output)!.FullName, ShardFolder.Name));
        // Relative paths of the shards' command begin where they were started.
        if (Directory.Exists(manifest.Folder))
            Environment.CurrentDirectory = manifest.Folder;
        return ToolProgram.RunAsync([.. manifest.Command, ShardOptions.Name, ShardOptions.Merge]).GetAwaiter().GetResult();
    }
}
