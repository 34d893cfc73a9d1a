using System.CommandLine;
using System.Globalization;
using BuildDataSet;
using PatchDpo.Torch.Diffusion.Samplers;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Personalization;

var model = new Option<string>("--model") { Description = "Folder (or single file) of the generator that is to be improved, or 'embedded' for the small one that comes with the library.", DefaultValueFactory = _ => "embedded" };
var adapter = new Option<string?>("--adapter") { Description = "The generator's IP-Adapter; default: its folder's ip_adapter.safetensors." };
var imageEncoder = new Option<string?>("--image-encoder") { Description = "Folder of the CLIP image encoder that the adapter was trained with; default: the generator's image_encoder." };
var tokenizer = new Option<string?>("--tokenizer") { Description = "Folder of CLIP's tokenizer; default: the generator's. A generator in one file needs it." };
var scheduler = new Option<string?>("--scheduler") { Description = $"{string.Join(", ", SamplerKinds.Names.SkipLast(1))} or {SamplerKinds.Names[^1]}; default: the one that the generator names." };
var encoder = new Option<string>("--encoder") { Description = "Folder or lone checkpoint of the image encoder that patches are compared with, or 'embedded'.", DefaultValueFactory = _ => "embedded" };
var prompts = new Option<string>("--prompts") { Description = "Text file with a prompt a line, or 'builtin': objects on a clean background (for the embedded model: the six that it knows).", DefaultValueFactory = _ => "builtin" };
var references = new Option<int>("--references") { Description = "How many references to find.", DefaultValueFactory = _ => 24 };
var generations = new Option<int>("--generations") { Description = "How many images to generate of each reference.", DefaultValueFactory = _ => 2 };
var output = new Option<DirectoryInfo>("--output") { Description = "Folder to build, or to continue.", DefaultValueFactory = _ => new DirectoryInfo(Path.Combine("output", "pairs")) };
var seed = new Option<long>("--seed") { Description = "Decides the noise that images start from.", DefaultValueFactory = _ => 42 };
var steps = new Option<int?>("--steps") { Description = "Sampling steps; default: 20 for the embedded model, 30 for others." };
var clip = new Option<DirectoryInfo?>("--clip") { Description = "Folder of a CLIP model, for --min-clip-t." };
var minClipT = new Option<double?>("--min-clip-t") { Description = "Reject references that follow their prompt less than this (cosine)." };
var format = new Option<string>("--format") { Description = "What images are written as: png, tiff, tga or ppm. The official script takes png only: with another, the folder has no patch_quality.pkl.", DefaultValueFactory = _ => "png" };
scheduler.AcceptOnlyFromAmong([.. SamplerKinds.Names]);
format.AcceptOnlyFromAmong([.. ImageFormats.WrittenNames]);

var root = new RootCommand($"""
    Builds a data set for PatchDPO: draws references from prompts, keeps objects on a plain background, generates images of them and scores the patches of both.

    Run it again to continue a build that was stopped; what is there is not made again. Another prompt, option or model needs another folder.
    """)
{
    model, adapter, imageEncoder, tokenizer, scheduler, encoder, prompts, references, generations, output, seed, steps, clip, minClipT, format,
};
CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
root.SetAction((result, cancellation) => Task.Run(() => DataSetBuild.Run(new DataSetSettings(
    result.GetValue(model)!,
    new PersonalizedModelOptions
    {
        AdapterPath = result.GetValue(adapter),
        ImageEncoderPath = result.GetValue(imageEncoder),
        TokenizerPath = result.GetValue(tokenizer),
        Sampler = result.GetValue(scheduler) is string name ? SamplerKinds.Parse(name) : null,
        RequiresSampler = true,
    },
    result.GetValue(encoder)!, result.GetValue(prompts)!, result.GetValue(references), result.GetValue(generations),
    result.GetValue(output)!.FullName, result.GetValue(seed), result.GetValue(steps), result.GetValue(clip)?.FullName, result.GetValue(minClipT),
    ImageFormats.Parse(result.GetValue(format)!)), cancellation)));

ParseResult parsed = root.Parse(args);
if (parsed.Errors.Count > 0)
{
    Console.Error.WriteLine(string.Join(" ", parsed.Errors.Select(e => e.Message)));
    return 2;
}

try
{
    return await parsed.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = TimeSpan.FromMinutes(1) });
}
catch (OperationCanceledException)
{
    Console.Error.WriteLine("Stopped. Run the same command to continue.");
    return 130;
}
catch (Exception e) when (e is PatchDpoException or IOException or UnauthorizedAccessException or ArgumentException or InvalidOperationException)
{
    // One line: what is wrong, and where.
    Console.Error.WriteLine(e.Message.ReplaceLineEndings(" "));
    return 2;
}
