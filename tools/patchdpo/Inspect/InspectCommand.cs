using System.CommandLine;
using InspectWeights;
using PatchDpo.Torch.Weights;

var path = new Argument<string>("path") { Description = "A weight file (safetensors, or a PyTorch checkpoint such as .bin or .pth), or a folder: every weight file in it and below it." };
var stats = new Option<bool>("--stats") { Description = "Read all values too: smallest, mean and largest of each tensor, and how many are NaN or infinite." };
var root = new RootCommand("Lists what weight files hold: keys, dtypes, shapes, sizes and metadata. No code in a file is run.") { path, stats };
root.SetAction(arguments =>
{
    int exitCode = 0;
    List<WeightListing> listings = [];
    foreach (string file in WeightFiles.Find(arguments.GetValue(path)!))
    {
        try
        {
            WeightListing listing = WeightListing.Of(file, arguments.GetValue(stats));
            Console.Write(listings.Count > 0 ? Environment.NewLine + listing.Text : listing.Text);
            listings.Add(listing);
        }
        catch (Exception e)
        {
            exitCode = Fail(e);
        }
    }
    if (listings.Count > 1)
        Console.WriteLine($"{Environment.NewLine}{listings.Count} files: {WeightListing.Totals(listings.Sum(l => l.Tensors), listings.Sum(l => l.Parameters), listings.Sum(l => l.FileBytes))}");
    return exitCode;
});
ParseResult parsed = root.Parse(args);
try
{
    return parsed.Errors.Count == 0
        ? parsed.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false })
        : throw new ArgumentException(string.Join(" ", parsed.Errors.Select(e => e.Message)));
}
catch (Exception e)
{
    return Fail(e);
}

// One line, whatever the fault: these are files that nobody vouches for.
static int Fail(Exception e)
{
    Console.Error.WriteLine($"error: {e.GetType().Name}: {KeyText.Escape(e.Message.ReplaceLineEndings(" "))}");
    return 2;
}
