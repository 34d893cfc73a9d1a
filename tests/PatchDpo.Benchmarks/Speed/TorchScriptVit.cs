using System.Diagnostics;
using static TorchSharp.torch;

namespace PatchDpo.Benchmarks.Speed;

/// <summary>A network of ViT-S/16's shape written in plain PyTorch and saved as TorchScript, where Debian's python3-torch is installed.</summary>
internal static class TorchScriptVit
{
    private const string Python = "/usr/bin/python3";

    private const string Script = """
        import sys, torch
        from torch import nn
        side, path = int(sys.argv[1]), sys.argv[2]

        class Block(nn.Module):
            def __init__(self, dim, heads):
                super().__init__()
                self.norm1, self.norm2 = nn.LayerNorm(dim, eps=1e-6), nn.LayerNorm(dim, eps=1e-6)
                self.qkv, self.proj = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)
                self.fc1, self.fc2 = nn.Linear(dim, 4 * dim), nn.Linear(4 * dim, dim)
                self.heads = heads

            def forward(self, x):
                b, n, d = x.shape
                q, k, v = self.qkv(self.norm1(x)).reshape(b, n, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
                a = (q @ k.transpose(-2, -1) * (d // self.heads) ** -0.5).softmax(-1)
                x = x + self.proj((a @ v).transpose(1, 2).reshape(b, n, d))
                return x + self.fc2(nn.functional.gelu(self.fc1(self.norm2(x))))

        class Vit(nn.Module):
            def __init__(self, dim=384, depth=12, heads=6):
                super().__init__()
                self.embed = nn.Conv2d(3, dim, 16, 16)
                self.cls = nn.Parameter(torch.zeros(1, 1, dim))
                self.pos = nn.Parameter(torch.zeros(1, 1 + (side // 16) ** 2, dim))
                self.blocks = nn.Sequential(*[Block(dim, heads) for _ in range(depth)])
                self.norm = nn.LayerNorm(dim, eps=1e-6)

            def forward(self, pixels):
                x = self.embed(pixels).flatten(2).transpose(1, 2)
                x = torch.cat([self.cls.expand(x.shape[0], -1, -1), x], 1) + self.pos
                return self.norm(self.blocks(x))[:, 1:]

        with torch.no_grad():
            torch.jit.trace(Vit().eval(), torch.zeros(1, 3, side, side), check_trace=False).save(path)
        """;

    /// <summary>Makes and loads it; says why where it cannot, and gives null.</summary>
    public static jit.ScriptModule<Tensor, Tensor>? TryLoad(int side, Device device)
    {
        if (!File.Exists(Python))
        {
            Console.WriteLine($"no TorchScript: '{Python}' is not here");
            return null;
        }
        string path = Path.Combine(Path.GetTempPath(), $"patchdpo-vit-{Environment.ProcessId}.pt");
        try
        {
            using Process python = Process.Start(new ProcessStartInfo(Python, ["-c", Script, $"{side}", path]) { RedirectStandardError = true })!;
            string errors = python.StandardError.ReadToEnd();
            python.WaitForExit();
            if (python.ExitCode == 0)
                return jit.load<Tensor, Tensor>(path, device.type, device.index);
            Console.WriteLine($"no TorchScript: {errors.TrimEnd().Split('\n')[^1]}");
            return null;
        }
        finally
        {
            File.Delete(path);
        }
    }
}
