using System.CommandLine;
using PatchDpo.Tool.Shared;
using PatchDpo.Torch.PatchEncoders;

namespace PatchDpo.Tool.TrainEncoder;

/// <summary>Trains an image encoder's patch features on photos without labels.</summary>
internal sealed class TrainEncoderCommand : ToolCommand
{
    private readonly Argument<string> _encoder;
    private readonly EncoderOptions _use = new();
    private readonly ComputeOptions _compute = new("float32");
    private readonly Argument<DirectoryInfo> _photos, _output;
    private readonly Option<int> _steps, _batch, _points, _crop, _head, _seed;
    private readonly Option<int?> _blocks;
    private readonly Option<double> _learningRate, _rotation, _perspective, _light, _temperature, _paste;
    private readonly Option<DirectoryInfo[]> _measure;
    private readonly Option<bool> _difference;

    public TrainEncoderCommand() : base("train-encoder", "Trains an image encoder's patch features on photos without labels: two views of a photo with known "
        + "geometry, corresponding patches pulled together, others pushed apart.")
    {
        _encoder = DeclareArgument<string>("encoder", EncoderOptions.Description);
        _photos = DeclareArgument<DirectoryInfo>("photos", "Folder with training images, searched with its sub-folders.");
        _output = DeclareArgument<DirectoryInfo>("output", "Folder for the trained encoder.");
        _steps = Declare("--steps", "Optimiser steps.", 700);
        _batch = Declare("--batch", "Images a step.", 4);
        _points = Declare("--points", "Corresponding points of an image.", 128);
        _learningRate = Declare("--learning-rate", "Highest learning rate; 1e-5 to 1e-4 suits a large pretrained encoder.", 1e-3);
        _crop = Declare("--crop", "Side of the views in pixels; 0: the encoder's own input (CLIP takes no other).", 256);
        _head = Declare("--head", "Length of the patch features behind a linear head; 0: no head.", 64);
        _blocks = Declare<int?>("--blocks", "Train only so many of the encoder's last blocks (0: the head alone); default: all.");
        _use.AddUseTo(this);
        _compute.AddTo(this);
        _rotation = Declare("--rotation", "Largest rotation of a view, degrees.", 25.0);
        _perspective = Declare("--perspective", "How far a view's corners move, as a share of its side.", 0.15);
        _light = Declare("--light", "Largest change of contrast and brightness, in normalised pixels.", 0.2);
        _temperature = Declare("--temperature", "InfoNCE's temperature.", 0.05);
        _paste = Declare("--paste", "Probability that the object of an image on a plain background is pasted onto another image.", 0.0);
        _seed = Declare("--seed", "Seed of every random choice.", 42);
        _measure = Declare<DirectoryInfo[]>("--measure", "Folders of photo sequences with homographies (HPatches: 1.png, 2.png, ..., H_1_2, ...) to measure "
            + "the encoder on before and after; never trained on.");
        _measure.AllowMultipleArgumentsPerToken = true;
        _difference = Declare(
            "--difference", "Of resnet18 without a head: write only what training changed, a few megabytes; who opens it needs ImageNet's ResNet-18.", false);
    }

    protected override int Run(ParseResult arguments, CancellationToken cancellationToken)
    {
        var options = new PatchEncoderTrainerOptions
        {
            MaxSteps = arguments.GetValue(_steps),
            BatchSize = arguments.GetValue(_batch),
            PointsPerImage = arguments.GetValue(_points),
            LearningRate = arguments.GetValue(_learningRate),
            CropSize = arguments.GetValue(_crop) is > 0 and int side ? side : null,
            TrainedBlocks = arguments.GetValue(_blocks),
            MaxRotation = arguments.GetValue(_rotation),
            Perspective = arguments.GetValue(_perspective),
            ColourJitter = arguments.GetValue(_light),
            Temperature = arguments.GetValue(_temperature),
            PasteProbability = arguments.GetValue(_paste),
            Seed = arguments.GetValue(_seed),
            // Photos have texture enough, and are not mirrored when they are taken from elsewhere.
            RecolouredNegatives = false,
            FlipProbability = 0,
            NeighbourRadius = 1,
            LookAlikeDistance = 0.05,
        };
        bool onlyDifference = arguments.GetValue(_difference);
        // Before hours of training, not after.
        if (onlyDifference && arguments.GetValue(_encoder) is not (EncoderChoice.ResNet18 or EncoderChoice.TrainedResNet18))
            throw new InputException($"--difference is for '{EncoderChoice.ResNet18}' and '{EncoderChoice.TrainedResNet18}' alone.");
        if (onlyDifference && arguments.GetValue(_head) > 0)
            throw new InputException("--difference: a head is not a part of it; add '--head 0'.");
        string[] sequences = [.. (arguments.GetValue(_measure) ?? []).Select(f => f.FullName)];
        new Training(_use.Read(arguments.GetValue(_encoder)!, arguments) with { Device = _compute.Device(arguments) }, options, arguments.GetValue(_head),
                onlyDifference)
            .Run(arguments.GetValue(_photos)!.FullName, arguments.GetValue(_output)!.FullName, sequences, cancellationToken);
        return Ending.Done;
    }
}
