using System.Diagnostics;
using System.Text.Json;

namespace PatchDpo.Documents.Tests;

/// <summary>A C# kernel of dotnet-interactive, as a process of its own that is spoken to in lines of JSON.</summary>
internal sealed class InteractiveKernel : IDisposable
{
    private readonly Process _process;
    private int _commands;

    public InteractiveKernel(string program, string folder)
    {
        var start = new ProcessStartInfo(program, ["stdio", "--default-kernel", "csharp", "--working-dir", folder])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        // What is published has native libraries beside the assemblies, where they are found; what is built has them in a folder.
        start.Environment["LD_LIBRARY_PATH"] = Path.Combine(AppContext.BaseDirectory, "runtimes", "linux-x64", "native");
        _process = Process.Start(start)!;
        _process.ErrorDataReceived += (_, _) => { };
        _process.BeginErrorReadLine();
    }

    /// <summary>The program, where the user has it: named by DOTNET_INTERACTIVE, or in the path; else null.</summary>
    public static string? Find()
        => Environment.GetEnvironmentVariable("DOTNET_INTERACTIVE") is { Length: > 0 } named ? named
            : (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Select(folder => Path.Combine(folder, "dotnet-interactive"))
                .FirstOrDefault(File.Exists);

    /// <summary>Runs a cell to its end.</summary>
    public void Submit(string code)
    {
        string token = $"cell-{++_commands}";
        _process.StandardInput.WriteLine(
            JsonSerializer.Serialize(new { token, commandType = "SubmitCode", command = new { code, targetKernelName = "csharp" } }));
        while (_process.StandardOutput.ReadLine() is string line)
        {
            if (!line.StartsWith('{'))
                continue;
            using JsonDocument message = JsonDocument.Parse(line);
            if (!message.RootElement.TryGetProperty("eventType", out JsonElement type)
                || !message.RootElement.TryGetProperty("command", out JsonElement command) || command.ValueKind != JsonValueKind.Object
                || command.GetProperty("token").GetString() != token)
                continue;
            if (type.GetString() == "CommandSucceeded")
                return;
            if (type.GetString() == "CommandFailed")
                Assert.Fail($"The cell failed: {message.RootElement.GetProperty("event")}\n{code}");
        }
        Assert.Fail($"dotnet-interactive ended in the cell\n{code}");
    }

    public void Dispose()
    {
        _process.StandardInput.Close();
        if (!_process.WaitForExit(TimeSpan.FromSeconds(10)))
            _process.Kill(entireProcessTree: true);
        _process.Dispose();
    }
}
