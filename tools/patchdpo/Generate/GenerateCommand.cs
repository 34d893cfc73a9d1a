using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Generate;
using PatchDpo.Examples;
using PatchDpo.Torch.Clip;
using PatchDpo.Torch.DataConstruction;
using PatchDpo.Torch.Diffusion.Samplers;
using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.Personalization;
using static TorchSharp.torch;

CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
var defaults = new GenerationOptions();
var modelPath = new Argument<string>("model") { Description = "A Stable Diffusion 1.5 or SDXL pipeline in diffusers' layout, or a whole such model in one file (.safetensors, .ckpt)." };
var adapter = new Option<FileInfo?>("--adapter") { Description = "An IP-Adapter (plain, Plus or Full; .safetensors or .bin); default: the folder's ip_adapter.safetensors." };
var imageEncoder = new Option<DirectoryInfo?>("--image-encoder") { Description = "Folder of the CLIP image encoder that the adapter was trained with; default: the model folder's image_encoder." };
var tokenizer = new Option<string?>("--tokenizer") { Description = "Folder of CLIP's tokenizer (vocab.json, merges.txt); default: the model folder's. A model in one file needs it." };
var prompt = new Option<string?>("--prompt") { Description = "What to show." };
var prompts = new Option<FileInfo?>("--prompts") { Description = "Instead of one prompt: a text file with a prompt on each line." };
var references = new Option<FileInfo[]>("--reference") { Description = "Photos of the object; several are averaged. With --objects, a photo of each object.", Required = true, AllowMultipleArgumentsPerToken = true };
var objects = new Option<bool>("--objects") { Description = "Each reference shows another object of the prompt, as in \"a cat and a robot, on a beach\"." };
var output = new Option<DirectoryInfo>("--output") { Description = "Folder for the images, prompt.png; a name that is taken gets a number.", Required = true };
var seed = new Option<long>("--seed") { Description = "Decides the starting noise.", DefaultValueFactory = _ => defaults.Seed };
var steps = new Option<int>("--steps") { Description = "Sampling steps.", DefaultValueFactory = _ => defaults.Steps };
var guidance = new Option<double>("--guidance") { Description = "Weight of the prompt against the negative prompt; at most 1 turns guidance off.", DefaultValueFactory = _ => defaults.GuidanceScale };
var scale = new Option<double>("--scale") { Description = "Weight of the references beside the prompt.", DefaultValueFactory = _ => 1 };
var negative = new Option<string>("--negative") { Description = "What not to show.", DefaultValueFactory = _ => defaults.NegativePrompt };
var width = new Option<int?>("--width") { Description = "Width in pixels; default: what the model was trained for." };
var height = new Option<int?>("--height") { Description = "Height in pixels; default: what the model was trained for." };
var count = new Option<int>("--count") { Description = "Images of each prompt.", DefaultValueFactory = _ => 1 };
var batch = new Option<int>("--batch") { Description = "Images generated together.", DefaultValueFactory = _ => defaults.BatchSize };
var scheduler = new Option<string?>("--scheduler") { Description = $"{string.Join(", ", SamplerKinds.Names.SkipLast(1))} or {SamplerKinds.Names[^1]}; default: the one that the model names." };
var refuse = new Option<bool>("--refuse-long-prompts") { Description = "A prompt with more tokens than the text encoder takes is an error; else it is cut, with a warning." };
var device = new Option<string>("--device") { Description = "cpu, cuda or cuda:N.", DefaultValueFactory = _ => "cpu" };
var format = new Option<string>("--format") { Description = "What images are written as: png, tiff, tga or ppm.", DefaultValueFactory = _ => "png" };
var dtype = new Option<string>("--dtype") { Description = "float32, float16 or bfloat16.", DefaultValueFactory = _ => "float32" };
scheduler.AcceptOnlyFromAmong([.. SamplerKinds.Names]);
format.AcceptOnlyFromAmong([.. ImageFormats.WrittenNames]);
dtype.AcceptOnlyFromAmong("float32", "float16", "bfloat16");
var root = new RootCommand("Draws the object of reference photos in the scenes that prompts describe.")
{
    modelPath, adapter, imageEncoder, tokenizer, prompt, prompts, references, objects, output, seed, steps, guidance, scale, negative, width, height, count, batch, scheduler, refuse, format, device, dtype,
};
root.SetAction(arguments =>
{
    string[] texts = (arguments.GetValue(prompt), arguments.GetValue(prompts)) switch
    {
        (string text, null) => [text],
        (null, FileInfo file) => [.. PromptFile.Read(file.FullName)],
        _ => throw new InputException("Give either --prompt or --prompts."),
    };
    if (arguments.GetValue(count) < 1)
        throw new InputException("--count must be at least 1.");
    var options = new GenerationOptions
    {
        Steps = arguments.GetValue(steps),
        GuidanceScale = arguments.GetValue(guidance),
        AdapterScale = arguments.GetValue(scale),
        ReferenceFusion = arguments.GetValue(objects) ? ReferenceFusion.Concatenate : ReferenceFusion.Average,
        NegativePrompt = arguments.GetValue(negative)!,
        Seed = arguments.GetValue(seed),
        BatchSize = arguments.GetValue(batch),
        Width = arguments.GetValue(width),
        Height = arguments.GetValue(height),
        Sampler = arguments.GetValue(scheduler) is string name ? SamplerKinds.Parse(name) : null,
        RefuseTruncatedPrompts = arguments.GetValue(refuse),
    };
    ImageBuffer[] photos = [.. arguments.GetValue(references)!.Select(f => ImageFile.Load(f.FullName))];
    GenerationRequest[] requests = [.. texts.SelectMany(t => Enumerable.Repeat(t, arguments.GetValue(count))).Select((t, i) => new GenerationRequest(t, photos) { NoiseIndex = i })];
    ScalarType type = arguments.GetValue(dtype) switch { "float16" => ScalarType.Float16, "bfloat16" => ScalarType.BFloat16, _ => ScalarType.Float32 };

    OutputFolder.Check(arguments.GetValue(output)!.FullName);
    using PersonalizedModel model = PersonalizedModel.Load(arguments.GetValue(modelPath)!, new PersonalizedModelOptions
    {
        AdapterPath = arguments.GetValue(adapter)?.FullName,
        ImageEncoderPath = arguments.GetValue(imageEncoder)?.FullName,
        TokenizerPath = arguments.GetValue(tokenizer),
        Sampler = options.Sampler,
        RequiresSampler = true,
        Device = ParseDevice(arguments.GetValue(device)!),
        DType = type,
    });
    // A prompt is named by its place in the file, however many images it gets.
    IReadOnlyList<TruncatedPrompt> truncated = [.. model.FindTruncatedPrompts(texts), .. options.GuidanceScale > 1 ? model.FindTruncatedPrompts([options.NegativePrompt]).Select(t => t with { Index = null }) : []];
    if (options.RefuseTruncatedPrompts && truncated.Count > 0)
        throw new TruncatedPromptException(truncated[0]);
    var names = new ImageNames(arguments.GetValue(output)!.FullName, ImageFormats.Parse(arguments.GetValue(format)!));
    long start = Stopwatch.GetTimestamp();
    int done = 0;
    // Batch by batch, so that an interrupted run has what was finished.
    foreach (GenerationRequest[] chunk in requests.Chunk(options.BatchSize))
    {
        IReadOnlyList<ImageBuffer> images = model.Generate(chunk, options, new StepProgress(done, chunk.Length, requests.Length, truncated));
        arguments.GetValue(output)!.Create();
        foreach ((GenerationRequest request, ImageBuffer image) in chunk.Zip(images))
            Console.WriteLine(names.Save(request.Prompt, image));
        done += chunk.Length;
    }
    double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
    Console.Error.WriteLine($"{done} images in {seconds:F1} s, {seconds / done:F2} s each");
});

ParseResult parsed = root.Parse(args);
if (parsed.Errors.Count > 0)
{
    // One line, also where System.CommandLine lists what it would take.
    Console.Error.WriteLine(string.Join(' ', parsed.Errors.SelectMany(e => e.Message.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries))));
    return 2;
}
try
{
    return parsed.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
}
catch (Exception e) when (e is PatchDpoException or InputException or IOException or UnauthorizedAccessException or ArgumentException or InvalidOperationException)
{
    // One line: what is wrong, and where.
    Console.Error.WriteLine(e.Message.ReplaceLineEndings(" "));
    return 2;
}

static Device ParseDevice(string name)
    => name == "cpu" ? TorchRuntime.ResolveDevice(null, fallbackToCpu: false)
        : name == "cuda" ? TorchRuntime.ResolveDevice(0, fallbackToCpu: false)
        : name.StartsWith("cuda:", StringComparison.Ordinal) && int.TryParse(name.AsSpan(5), NumberStyles.None, CultureInfo.InvariantCulture, out int id) ? TorchRuntime.ResolveDevice(id, fallbackToCpu: false)
        : throw new InputException($"'{name}' is no device: give cpu, cuda or cuda:N.");
