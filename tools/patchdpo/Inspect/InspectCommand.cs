using System.CommandLine;
using PatchDpo.Tool.Shared;

namespace PatchDpo.Tool.Inspect;

/// <summary>Lists what weight files hold.</summary>
internal sealed class InspectCommand : ToolCommand
{
    private readonly Argument<string> _path;
    private readonly Option<bool> _stats;

    public InspectCommand() : base("inspect", "Lists what weight files hold: keys, dtypes, shapes, sizes and metadata. No code in a file is run.")
    {
        _path = DeclareArgument<string>("path", "A weight file (safetensors, or a PyTorch checkpoint such as .bin or .pth), or a folder: every weight file in "
            + "it and below it.");
        _stats = Declare<bool>("--stats", "Read all values too: smallest, mean and largest of each tensor, and how many are NaN or infinite.");
    }

    protected override string StoppedMessage => "Stopped.";

    protected override int Run(ParseResult arguments, CancellationToken cancellationToken)
    {
        int exitCode = Ending.Done;
        List<WeightListing> listings = [];
        foreach (string file in WeightFiles.Find(arguments.GetValue(_path)!))
        {
            try
            {
                var listing = WeightListing.Of(file, arguments.GetValue(_stats), cancellationToken);
                Console.Write(listings.Count > 0 ? Environment.NewLine + listing.Text : listing.Text);
                listings.Add(listing);
            }
            catch (Exception e) when (Ending.CodeOf(e) == Ending.UsersFault)
            {
                // Nobody vouches for these files: a bad one is told by its kind of fault, and the others are listed all the same.
                Console.Error.WriteLine($"error: {e.GetType().Name}: {Ending.Line(e)}");
                exitCode = Ending.UsersFault;
            }
        }
        if (listings.Count > 1)
        {
            Console.WriteLine($"{Environment.NewLine}{listings.Count} files: "
                + WeightListing.Totals(listings.Sum(l => l.Tensors), listings.Sum(l => l.Parameters), listings.Sum(l => l.FileBytes)));
        }
        return exitCode;
    }
}
