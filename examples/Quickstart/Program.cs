using System.CommandLine;
using PatchDpo.Torch.Foundation;
using Quickstart;

var references = new Option<string?>("--references") { Description = "A folder of your own photos to use as references instead of drawn characters." };
var noun = new Option<string>("--noun") { Description = "What the photos show, in a word that the small model knows: robot, cat, bird, fish, car, mushroom.",
    DefaultValueFactory = _ => "cat" };
var seed = new Option<int>("--seed") { Description = "Decides subjects, prompts, noise and training.", DefaultValueFactory = _ => 1 };
var output = new Option<string>("--output") { Description = "Folder to write to.", DefaultValueFactory = _ => Path.Combine("output", "quickstart") };
var quick = new Option<bool>("--quick") { Description = "A short run that shows that everything works; too short for good results." };
noun.AcceptOnlyFromAmong("robot", "cat", "bird", "fish", "car", "mushroom");
var root = new RootCommand(
    "Generates images of references, scores them patch by patch, fine-tunes the generator with PatchDPO and evaluates it before and after.")
{
    references, noun, seed, output, quick,
};
root.SetAction(arguments =>
{
    bool isQuick = arguments.GetValue(quick);
    string? photos = arguments.GetValue(references);
    // The small model cannot become a model of photos: at the rate that suits drawings it would unlearn what it knows.
    double rate = photos is null ? 1e-3 : 2e-5;
    return Tour.Run(new QuickstartSettings(
        Path.GetFullPath(arguments.GetValue(output)!), photos, arguments.GetValue(noun)!, arguments.GetValue(seed),
        Pairs: isQuick ? 12 : 144, Steps: isQuick ? 6 : 150, LearningRate: rate, HeldOut: isQuick ? 4 : 24));
});
ParseResult parsed = root.Parse(args);
try
{
    return parsed.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
}
catch (Exception e) when (e is PatchDpoException or IOException or UnauthorizedAccessException or InvalidDataException or ArgumentException)
{
    // One line: what is wrong, and where.
    Console.Error.WriteLine(e.Message.ReplaceLineEndings(" "));
    return 2;
}
