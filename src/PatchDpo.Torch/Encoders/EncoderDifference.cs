using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Weights;
using PatchDpo.Torch.Weights.Safetensors;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Encoders;

/// <summary>
/// What training changed of ImageNet's ResNet-18, in a safetensors file of its own: for each tensor that training changed what is added to it, in bfloat16. A
/// few megabytes, where the model has 64.
/// </summary>
internal static class EncoderDifference
{
    // In the file's metadata: the SHA-256 of the model's own file.
    private const string Base = "difference_to_resnet18";

    /// <summary>Whether a file holds a difference.</summary>
    public static bool IsIn(ITensorFile file) => file.Metadata.ContainsKey(Base);

    /// <summary>Writes a trained encoder's difference.</summary>
    /// <exception cref="ArgumentException">It is no ResNet-18 that began as ImageNet's, or it has a head.</exception>
    /// <exception cref="ModelFileNotFoundException">ImageNet's ResNet-18 is not there to compare with.</exception>
    public static void Write(IVisionEncoder trained, string path)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        using IVisionEncoder untrained = PatchEncoder.LoadResNet18();
        Dictionary<string, Tensor> before = State(untrained), after = trained is nn.Module ? State(trained) : [];
        if (trained.GetType() != untrained.GetType() || after.Count != before.Count || before.Any(t => !after.TryGetValue(t.Key, out Tensor? other)
            || !other.shape.SequenceEqual(t.Value.shape)))
        {
            throw new ArgumentException("Only what training changed of ImageNet's ResNet-18 can be written, without a head; this is another encoder, "
                + $"a {trained.GetType().Name}.", nameof(trained));
        }

        Dictionary<string, Tensor> changed = before.Where(t => t.Value.is_floating_point())
            .Select(t => (t.Key, Value: after[t.Key].cpu().to(ScalarType.Float32).Minus(t.Value)))
            .Where(t => t.Value.count_nonzero().item<long>() > 0).ToDictionary(t => t.Key, t => t.Value.to(ScalarType.BFloat16));
        SafetensorsWriter.Write(path, changed, new Dictionary<string, string> { ["format"] = "pt", [Base] = HashOfBase() });
    }

    /// <summary>Opens ImageNet's ResNet-18 and adds a difference to it.</summary>
    /// <exception cref="ModelFileNotFoundException">ImageNet's ResNet-18 is not there; the message names the package.</exception>
    /// <exception cref="WeightsFormatException">The difference is one to another file, or a tensor is not the model's.</exception>
    public static IVisionEncoder Open(ITensorFile file, Device? device, ScalarType? dtype, VisionEncoderOptions options)
    {
        string expected = file.Metadata[Base], found = HashOfBase();
        if (expected != found)
            throw new WeightsFormatException(file.Path, null,
                $"it holds what training changed of the file with SHA-256 {expected}; '{ResNet18Model.Path}' has {found}.");
        // Added in float32, whatever the type that the sum is wanted in.
        IVisionEncoder encoder = PatchEncoder.LoadResNet18(options: options with { DType = ScalarType.Float32 });
        try
        {
            using DisposeScope scope = NewDisposeScope();
            using IDisposable noGrad = no_grad();
            Dictionary<string, Tensor> state = State(encoder);
            foreach (string key in file.Keys)
            {
                if (!state.TryGetValue(key, out Tensor? tensor) || !tensor.is_floating_point())
                    throw new WeightsFormatException(file.Path, key, "ImageNet's ResNet-18 has no such tensor that training could change.");
                if (!file.Shape(key).SequenceEqual(tensor.shape))
                    throw new WeightsFormatException(file.Path, key,
                        $"its shape is [{string.Join(", ", file.Shape(key))}]; that of ImageNet's ResNet-18 is [{string.Join(", ", tensor.shape)}].");
                tensor.copy_(tensor.Plus(file.Read(key, dtype: ScalarType.Float32)));
            }

            ((nn.Module)encoder).to(device ?? CPU, dtype ?? ScalarType.Float32);
            return encoder;
        }
        catch
        {
            encoder.Dispose();
            throw;
        }
    }

    private static Dictionary<string, Tensor> State(IVisionEncoder encoder) => ((nn.Module)encoder).state_dict();

    private static string HashOfBase() => FileHash.Of(ResNet18Model.Path, kind => new WeightsFormatException(ResNet18Model.Path, null, $"it is {kind}."));
}
