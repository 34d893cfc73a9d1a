using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using PatchDpo.Torch.Adapters;
using PatchDpo.Torch.Adapters.Elite;
using PatchDpo.Torch.Adapters.IpAdapter;
using PatchDpo.Torch.Adapters.MipAdapter;
using PatchDpo.Torch.Adapters.MsDiffusion;
using PatchDpo.Torch.Clip;
using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Vision.Cnn;
using PatchDpo.Torch.Vision.Dino;

namespace PatchDpo.Torch;

/// <summary>Makes the kinds that lie on higher floors known to the registries below them: the one place that a new kind is added to.</summary>
internal static class Registrations
{
    [ModuleInitializer]
    [SuppressMessage("Usage", "CA2255", Justification = "Registries are complete before any of the assembly's code runs; nothing else is done here.")]
    internal static void Run()
    {
        // An ONNX graph first: whatever its initialisers are called, they are no state dict.
        EncoderKinds.Register([new OnnxResNetKind(ConvolutionalKinds.ResNet), new DinoKind(), new ClipVisionKind(), .. ConvolutionalKinds.All]);
        AdapterFamilies.Register(new IpAdapterFamily(), new MipAdapterFamily(), new MsDiffusionFamily(), new EliteFamily());
    }
}
