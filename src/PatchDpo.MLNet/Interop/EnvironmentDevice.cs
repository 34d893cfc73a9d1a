using Microsoft.ML.Runtime;
using PatchDpo.Torch.Foundation;
using static TorchSharp.torch;

namespace PatchDpo.MLNet.Interop;

/// <summary>The device that an environment asks for.</summary>
internal static class EnvironmentDevice
{
    /// <summary>Reads <c>MLContext.GpuDeviceId</c> and <c>FallbackToCpu</c>, also from a host that the context made.</summary>
    /// <exception cref="InvalidOperationException">The GPU is absent and falling back to the CPU is off.</exception>
    public static Device Of(IHostEnvironment environment)
    {
        ModelFormatMembers members = ModelFormat.Members;
        return TorchRuntime.ResolveDevice(
            (int?)members.GpuDeviceId.GetValue(environment), (bool)members.FallbackToCpu.GetValue(environment)!);
    }
}
