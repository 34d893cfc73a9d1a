using static TorchSharp.torch;

namespace PatchDpo.Torch.Training.Data;

/// <summary>Where what training encodes once (latents, text states, image prompts) is kept on the disk, for later trainings and for other processes.</summary>
/// <remarks>
/// The folder has one for each model that encoded, named by the fingerprint of its files, with safetensors shards in it. An image or a prompt is stored
/// once, whatever pairs it is in and whatever file it came from. Any number of processes write at the same time, and what a killed one had written stays.
/// </remarks>
public sealed record ConditionStoreOptions
{
    /// <summary>The folder; it need not be there.</summary>
    /// <exception cref="ArgumentException">The name is empty.</exception>
    public required string Folder
    {
        get;
        init
        {
            ArgumentException.ThrowIfNullOrEmpty(value);
            field = value;
        }
    }

    /// <summary>
    /// Float32 (default): trainings are those without a store. BFloat16: half the disk, and numbers with three decimal digits, as bfloat16 models have
    /// them; it is another training then. Whole numbers, and boxes and scales of objects, stay as they are.
    /// </summary>
    /// <exception cref="ArgumentException">Another type.</exception>
    public ScalarType DType
    {
        get;
        init => field = value is ScalarType.Float32 or ScalarType.BFloat16
            ? value
            : throw new ArgumentException($"Conditions are stored in Float32 or BFloat16, not {value}.", nameof(DType));
    } = ScalarType.Float32;
}
