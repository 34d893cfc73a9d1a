using System.CommandLine;
using System.Globalization;
using System.Text;
using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.PatchEncoders;
using PatchDpo.Torch.Vision.Cnn;
using TrainPatchEncoder;

Console.OutputEncoding = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false);
CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;

var encoder = new Argument<FileSystemInfo>("encoder") { Description = "A lone checkpoint (ResNet, VGG, CIFAR's ResNet, ALIKE, DINO, DINOv2, OpenAI's CLIP), or an encoder's folder (config.json, model.safetensors)." };
var photos = new Argument<DirectoryInfo>("photos") { Description = "Folder with training images, searched with its sub-folders." };
var output = new Argument<DirectoryInfo>("output") { Description = "Folder for the trained encoder." };
var steps = new Option<int>("--steps") { Description = "Optimiser steps.", DefaultValueFactory = _ => 700 };
var batch = new Option<int>("--batch") { Description = "Images a step.", DefaultValueFactory = _ => 4 };
var points = new Option<int>("--points") { Description = "Corresponding points of an image.", DefaultValueFactory = _ => 128 };
var learningRate = new Option<double>("--learning-rate") { Description = "Highest learning rate; 1e-5 to 1e-4 suits a large pretrained encoder.", DefaultValueFactory = _ => 1e-3 };
var crop = new Option<int>("--crop") { Description = "Side of the views in pixels; 0: the encoder's own input (CLIP takes no other).", DefaultValueFactory = _ => 256 };
var head = new Option<int>("--head") { Description = "Length of the patch features behind a linear head; 0: no head.", DefaultValueFactory = _ => 64 };
var blocks = new Option<int?>("--blocks") { Description = "Train only so many of the encoder's last blocks (0: the head alone); default: all." };
var stage = new Option<int?>("--stage") { Description = "Stage of a convolutional network whose map gives the patch features; default: the last." };
var patch = new Option<int?>("--patch") { Description = "Side of a patch of a convolutional network in pixels; default: its stage's step." };
var earlier = new Option<bool>("--earlier-stages") { Description = "The maps of earlier stages are part of the patch features." };
var size = new Option<int?>("--size") { Description = "Side in pixels that images are brought to when the encoder is used; default: its own." };
var rotation = new Option<double>("--rotation") { Description = "Largest rotation of a view, degrees.", DefaultValueFactory = _ => 25 };
var perspective = new Option<double>("--perspective") { Description = "How far a view's corners move, as a share of its side.", DefaultValueFactory = _ => 0.15 };
var light = new Option<double>("--light") { Description = "Largest change of contrast and brightness, in normalised pixels.", DefaultValueFactory = _ => 0.2 };
var temperature = new Option<double>("--temperature") { Description = "InfoNCE's temperature.", DefaultValueFactory = _ => 0.05 };
var paste = new Option<double>("--paste") { Description = "Probability that the object of an image on a plain background is pasted onto another image.", DefaultValueFactory = _ => 0 };
var seed = new Option<int>("--seed") { Description = "Seed of every random choice.", DefaultValueFactory = _ => 42 };
var measure = new Option<DirectoryInfo[]>("--measure") { Description = "Folders of photo sequences with homographies (HPatches: 1.png, 2.png, ..., H_1_2, ...) to measure the encoder on before and after; never trained on.", AllowMultipleArgumentsPerToken = true };

var root = new RootCommand("Trains an image encoder's patch features on photos without labels: two views of a photo with known geometry, corresponding patches pulled together, others pushed apart.")
{
    encoder, photos, output, steps, batch, points, learningRate, crop, head, blocks, stage, patch, earlier, size, rotation, perspective, light, temperature, paste, seed, measure,
};
root.SetAction((arguments, cancellation) =>
{
    var options = new PatchEncoderTrainerOptions
    {
        MaxSteps = arguments.GetValue(steps),
        BatchSize = arguments.GetValue(batch),
        PointsPerImage = arguments.GetValue(points),
        LearningRate = arguments.GetValue(learningRate),
        CropSize = arguments.GetValue(crop) is > 0 and int side ? side : null,
        TrainedBlocks = arguments.GetValue(blocks),
        MaxRotation = arguments.GetValue(rotation),
        Perspective = arguments.GetValue(perspective),
        ColourJitter = arguments.GetValue(light),
        Temperature = arguments.GetValue(temperature),
        PasteProbability = arguments.GetValue(paste),
        Seed = arguments.GetValue(seed),
        // Photos have texture enough, and are not mirrored when they are taken from elsewhere.
        RecolouredNegatives = false,
        FlipProbability = 0,
        NeighbourRadius = 1,
        LookAlikeDistance = 0.05,
    };
    var choices = new VisionEncoderOptions { PatchStage = arguments.GetValue(stage), PatchSize = arguments.GetValue(patch), WithEarlierStages = arguments.GetValue(earlier), ImageSize = arguments.GetValue(size) };
    new Training(arguments.GetValue(encoder)!.FullName, choices, options, arguments.GetValue(head))
        .Run(arguments.GetValue(photos)!.FullName, arguments.GetValue(output)!.FullName, [.. (arguments.GetValue(measure) ?? []).Select(f => f.FullName)], cancellation);
    return Task.CompletedTask;
});

ParseResult parsed = root.Parse(args);
if (parsed.Errors.Count > 0)
{
    Console.Error.WriteLine(string.Join(" ", parsed.Errors.Select(e => e.Message)));
    return 2;
}

try
{
    return await parsed.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
}
catch (Exception e) when (e is PatchDpoException or IOException or UnauthorizedAccessException or ArgumentException or InvalidOperationException or FormatException)
{
    // One line: what is wrong, and where.
    Console.Error.WriteLine(e.Message.ReplaceLineEndings(" "));
    return 2;
}
catch (OperationCanceledException)
{
    Console.Error.WriteLine("Stopped; nothing is written.");
    return 130;
}
