using PatchDpo.Tool;
using PatchDpo.Torch.Foundation;

// Each command computes, and ends.
TorchRuntime.KeepFreedMemory();
return await ToolProgram.RunAsync(args);
