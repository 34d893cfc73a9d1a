using System.CommandLine;
using System.Globalization;
using PatchDpo.Tool.Shared;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Images;

namespace PatchDpo.Tool.Generate;

/// <summary>The options that say what the references are, and what is known of each.</summary>
internal sealed class ReferenceOptions
{
    private readonly Option<FileInfo[]> _references = new("--reference")
    {
        Description = "Photos of the object; several are averaged. With --objects, a photo of each object, or a folder with photos of it.",
        Required = true,
        AllowMultipleArgumentsPerToken = true,
    };

    private readonly Option<FileInfo[]> _masks = new("--mask")
    {
        Description = "A mask of each reference, in their order, which ELITE needs: a picture of the same size, black but for the object. Default: the file "
            + "NAME_bg.png beside NAME; where there is none either, what stands on a plain background.",
        AllowMultipleArgumentsPerToken = true,
    };

    private readonly Option<string[]> _names = new("--name")
    {
        Description = "What the prompt calls the object of each reference, in their order (\"cat\"), for MIP-Adapter and MS-Diffusion with --objects; ELITE's "
            + "placeholder.",
        AllowMultipleArgumentsPerToken = true,
    };

    private readonly Option<string[]> _boxes = new("--box")
    {
        Description = "Where each object is to be, in their order, for MS-Diffusion: left,top,right,bottom in fractions of the picture (0,0.25,0.5,1), or auto.",
        AllowMultipleArgumentsPerToken = true,
    };

    private readonly Option<double[]> _scales = new("--object-scale")
    {
        Description = "Weight of each object, in their order, for MS-Diffusion; default: --scale.",
        AllowMultipleArgumentsPerToken = true,
    };

    /// <summary>Adds them to a command.</summary>
    public void AddTo(Command command)
    {
        command.Add(_references);
        command.Add(_masks);
        command.Add(_names);
        command.Add(_boxes);
        command.Add(_scales);
    }

    /// <summary>Reads the references, and tells which masks were found beside them.</summary>
    /// <exception cref="InputException">There are not as many masks, names, boxes or scales as references, or a box is none.</exception>
    /// <exception cref="InvalidImageException">A file is not an image.</exception>
    public ReferenceImage[] Read(ParseResult arguments)
    {
        FileInfo[] references = arguments.GetValue(_references)!;
        FileInfo[] masks = Each(_masks);
        string[] names = Each(_names);
        LayoutBox?[] boxes = [.. Each(_boxes).Select(Box)];
        double[] scales = Each(_scales);
        return [.. references.Select((file, i) => (Directory.Exists(file.FullName) ? FromFolder(file.FullName)
            : masks.Length > 0 ? new ReferenceImage(ImageFile.Load(file.FullName)) { Mask = ImageFile.Load(masks[i].FullName) } : FromFile(file)) with
        {
            Name = names.Length > 0 ? names[i] : null,
            Box = boxes.Length > 0 ? boxes[i] : null,
            Scale = scales.Length > 0 ? scales[i] : null,
        })];

        T[] Each<T>(Option<T[]> option)
        {
            T[] values = arguments.GetValue(option) ?? [];
            return values.Length == 0 || values.Length == references.Length ? values : throw new InputException(
                $"{option.Name} names {values.Length} {(option == (object)_masks ? "files" : "values")} for {references.Length} references; "
                + "give one for each, in their order.");
        }
    }

    private static LayoutBox? Box(string text)
    {
        if (text == "auto")
            return null;
        string[] parts = text.Split(',');
        double[] edges = [.. parts.Select(p => double.TryParse(p, NumberStyles.Float, CultureInfo.InvariantCulture, out double edge) ? edge : double.NaN)];
        if (edges.Length != 4 || edges.Any(double.IsNaN))
            throw new InputException($"'{text}' is no box: give left,top,right,bottom in fractions of the picture (0,0.25,0.5,1), or auto.");
        return new LayoutBox(edges[0], edges[1], edges[2], edges[3]);
    }

    private static ReferenceImage FromFolder(string folder)
    {
        ImageBuffer[] photos = [.. FolderFiles.Files(folder).Where(ImageFormats.HasImageEnding).Select(f => ImageFile.Load(f))];
        return photos.Length > 0 ? new ReferenceImage(photos[0]) { OtherPhotos = photos[1..] }
            : throw new InputException($"The folder '{folder}' has no photo to refer to.");
    }

    private static ReferenceImage FromFile(FileInfo file)
    {
        ReferenceImage reference = ReferenceImage.FromFile(file.FullName);
        if (reference.Mask is not null)
            Console.Error.WriteLine($"{file.Name}: the mask beside it is taken, {Path.GetFileName(ReferenceImage.MaskFileOf(file.FullName))}");
        return reference;
    }
}
