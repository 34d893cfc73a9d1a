using PatchDpo.Torch.Diffusion.UNet;
using PatchDpo.Torch.Weights;

namespace PatchDpo.Torch.Adapters;

/// <summary>A kind of adapter: how its files are known, read and written. A new one is a folder beside IpAdapter and a registration.</summary>
internal abstract class AdapterFamily
{
    /// <summary>What programs call it, in small letters: "ip-adapter".</summary>
    public abstract string Name { get; }

    /// <summary>What an adapter of the family is called in a model's folder, where it is looked for when no other is named.</summary>
    public virtual IReadOnlyList<string> FolderFiles => [];

    /// <summary>Whether a file is one of this family's, by its keys.</summary>
    public abstract bool Recognizes(ITensorFile file);

    /// <summary>Says what is wrong with a file that its keys and shapes tell, before anything is read.</summary>
    /// <exception cref="UnknownModelException">It is something else.</exception>
    /// <exception cref="WeightsFormatException">A part has no tensor, or it breaks its format.</exception>
    /// <exception cref="Models.StateDictMismatchException">It was made for another UNet.</exception>
    public abstract void Check(string path, UNetConfig unet);

    /// <summary>Reads an adapter with its image encoder, frozen and in evaluation mode; the caller disposes it.</summary>
    /// <exception cref="Models.ModelConfigException">The image encoder does not fit the adapter.</exception>
    public abstract Adapter Read(string path, AdapterHost host);

    /// <summary>Writes an adapter; the name's ending chooses the format.</summary>
    public abstract void Write(string path, Adapter adapter);

    /// <summary>Writes an adapter as safetensors.</summary>
    public abstract void Write(Stream stream, Adapter adapter);
}
