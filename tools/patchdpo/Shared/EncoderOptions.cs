using System.CommandLine;
using PatchDpo.Torch.Encoders;

namespace PatchDpo.Tool.Shared;

/// <summary>The options that say which image encoder gives patch features, and how it is used.</summary>
internal sealed class EncoderOptions
{
    private const string Kinds = "Folder of a DINO, DINOv2 or CLIP image encoder (config.json, model.safetensors), or a lone checkpoint of these, of a ResNet, "
        + "a VGG or ALIKE; 'resnet18' is ImageNet's ResNet-18, for photos, 'resnet18-trained' the same trained further on photos without labels, and "
        + "'embedded' the small encoder for the embedded generator's drawings; these come with the program.";

    private readonly Option<int[]> _stages = new("--stages", "--stage")
    {
        Description = "Stages of a convolutional network whose maps give the patch features, from 1; several stand side by side. Default: the last; "
            + $"for resnet18 {string.Join(" ", ResNet18Model.Options.PatchStages!)}.",
        AllowMultipleArgumentsPerToken = true,
    };

    private readonly Option<int?> _patch = new("--patch")
    {
        Description = "Side of a patch of a convolutional network in pixels of the encoder's input, a power of two. Default: the coarsest stage's step; for "
            + $"resnet18 {ResNet18Model.Options.PatchSize}.",
    };

    private readonly Option<int?> _size = new("--size")
    {
        Description = "Side in pixels that images are brought to, for encoders that take any (all but CLIP). Default: the encoder's own.",
    };

    private readonly Option<string?> _encoder = new("--encoder") { Recursive = true };

    public EncoderOptions()
    {
        foreach (Option option in new Option[] { _stages, _patch, _size })
            option.Recursive = true;
    }

    /// <summary>What every description of an encoder says.</summary>
    public static string Description => Kinds;

    /// <summary>Adds them to a command, with <c>--encoder</c>.</summary>
    /// <param name="command">The command.</param>
    /// <param name="defaultEncoder">What is taken where none is given, for the description.</param>
    public void AddTo(Command command, string defaultEncoder)
    {
        _encoder.Description = $"{Kinds} Default: {defaultEncoder}.";
        command.Add(_encoder);
        AddUseTo(command);
    }

    /// <summary>Adds those that say how an encoder is used.</summary>
    public void AddUseTo(Command command)
    {
        command.Add(_stages);
        command.Add(_patch);
        command.Add(_size);
    }

    /// <summary>The encoder of <c>--encoder</c>.</summary>
    /// <param name="arguments">The command line.</param>
    /// <param name="defaultEncoder">What is taken where none is given.</param>
    public EncoderChoice Read(ParseResult arguments, string defaultEncoder) => Read(arguments.GetValue(_encoder) ?? defaultEncoder, arguments);

    /// <summary>The same, on the device and in the type that the command line names.</summary>
    public EncoderChoice Read(ParseResult arguments, string defaultEncoder, ComputeOptions compute)
    {
        EncoderChoice choice = Read(arguments, defaultEncoder) with { Device = compute.Device(arguments) };
        return choice with { Options = choice.Options with { DType = compute.DType(arguments) } };
    }

    /// <summary>An encoder that another argument names.</summary>
    /// <exception cref="InputException">The stages or the patch are impossible whatever the encoder is.</exception>
    public EncoderChoice Read(string encoder, ParseResult arguments)
    {
        try
        {
            return new EncoderChoice(encoder, new VisionEncoderOptions
            {
                PatchStages = arguments.GetValue(_stages) is { Length: > 0 } stages ? stages : null,
                PatchSize = arguments.GetValue(_patch),
                ImageSize = arguments.GetValue(_size),
            });
        }
        catch (ArgumentException e)
        {
            throw new InputException($"--stages, --patch or --size: {e.Message}");
        }
    }
}
