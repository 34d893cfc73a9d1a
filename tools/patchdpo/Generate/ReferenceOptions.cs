using System.CommandLine;
using PatchDpo.Tool.Shared;
using PatchDpo.Torch.Images;

namespace PatchDpo.Tool.Generate;

/// <summary>The options that say what the references are, and what is known of each.</summary>
internal sealed class ReferenceOptions
{
    private readonly Option<FileInfo[]> _references = new("--reference")
    {
        Description = "Photos of the object; several are averaged. With --objects, a photo of each object.",
        Required = true,
        AllowMultipleArgumentsPerToken = true,
    };

    private readonly Option<FileInfo[]> _masks = new("--mask")
    {
        Description = "A mask of each reference, in their order, which ELITE needs: a picture of the same size, black but for the object. Default: the file "
            + "NAME_bg.png beside NAME; where there is none either, what stands on a plain background.",
        AllowMultipleArgumentsPerToken = true,
    };

    /// <summary>Adds them to a command.</summary>
    public void AddTo(Command command)
    {
        command.Add(_references);
        command.Add(_masks);
    }

    /// <summary>Reads the references, and tells which masks were found beside them.</summary>
    /// <exception cref="InputException">There are not as many masks as references.</exception>
    /// <exception cref="InvalidImageException">A file is not an image.</exception>
    public ReferenceImage[] Read(ParseResult arguments)
    {
        FileInfo[] references = arguments.GetValue(_references)!, masks = arguments.GetValue(_masks) ?? [];
        if (masks.Length > 0 && masks.Length != references.Length)
            throw new InputException($"--mask names {masks.Length} files for {references.Length} references; give one for each, in their order.");
        return [.. references.Select((file, i) => masks.Length > 0
            ? new ReferenceImage(ImageFile.Load(file.FullName)) { Mask = ImageFile.Load(masks[i].FullName) } : FromFile(file))];
    }

    private static ReferenceImage FromFile(FileInfo file)
    {
        ReferenceImage reference = ReferenceImage.FromFile(file.FullName);
        if (reference.Mask is not null)
            Console.Error.WriteLine($"{file.Name}: the mask beside it is taken, {Path.GetFileName(ReferenceImage.MaskFileOf(file.FullName))}");
        return reference;
    }
}
