using System.Diagnostics;
using System.Net.Http.Json;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using PatchDpo.Torch.Images;

namespace PatchDpo.Torch.Tests.Reports;

/// <summary>A headless Chromium with one tab, over its DevTools protocol.</summary>
internal sealed class Chromium : IAsyncDisposable
{
    private static readonly JsonSerializerOptions Json = new() { DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull };
    private static readonly string[] Names = ["chromium", "chromium-browser", "google-chrome"];

    private readonly Process _process;
    private readonly string _profile;
    private readonly ClientWebSocket _socket = new();
    private int _last;

    private Chromium(Process process, string profile) => (_process, _profile) = (process, profile);

    /// <summary>What the pages wrote on the console or could not do, and what they asked a network for.</summary>
    public List<string> Faults { get; } = [];

    /// <summary>Starts it; skips the test where there is none.</summary>
    public static async Task<Chromium> StartOrSkipAsync()
    {
        string? program = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
            .SelectMany(folder => Names.Select(name => Path.Combine(folder, name))).FirstOrDefault(File.Exists);
        Skip.If(program is null, "There is no Chromium; on Debian: apt-get install chromium.");
        string profile = Directory.CreateTempSubdirectory("patchdpo-chromium-").FullName;
        // Whoever runs tests as root, as containers do, has no sandbox.
        var start = new ProcessStartInfo(program!, ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
            "--disable-background-networking", "--remote-debugging-port=0", $"--user-data-dir={profile}", "about:blank"])
        {
            RedirectStandardError = true,
            RedirectStandardOutput = true,
        };
        var browser = new Chromium(Process.Start(start)!, profile);
        browser._process.BeginErrorReadLine();
        browser._process.BeginOutputReadLine();
        await browser.ConnectAsync();
        return browser;
    }

    /// <summary>Opens a page as a screen of some size and scheme shows it.</summary>
    public async Task OpenAsync(string file, int width, int height, string scheme, bool script = true)
    {
        await SendAsync("Emulation.setDeviceMetricsOverride", new { width, height, deviceScaleFactor = 1, mobile = false });
        await SendAsync("Emulation.setEmulatedMedia", new { features = new[] { new { name = "prefers-color-scheme", value = scheme } } });
        await SendAsync("Emulation.setScriptExecutionDisabled", new { value = !script });
        await SendAsync("Page.navigate", new { url = new Uri(file).AbsoluteUri });
        while ((await EvaluateAsync("document.readyState")).GetValue<string>() != "complete" || !(await EvaluateAsync("location.href")).GetValue<string>().StartsWith("file", StringComparison.Ordinal))
            await Task.Delay(50);
    }

    /// <summary>An expression's value in the page.</summary>
    public async Task<JsonNode> EvaluateAsync(string expression)
    {
        JsonNode answer = await SendAsync("Runtime.evaluate", new { expression, returnByValue = true, awaitPromise = true });
        Assert.True(answer["exceptionDetails"] is null, answer.ToJsonString());
        return answer["result"]!["value"] ?? JsonValue.Create("undefined");
    }

    /// <summary>Presses a key.</summary>
    public async Task PressAsync(string key, int code)
    {
        string? text = key == "Enter" ? "\r" : null;
        await SendAsync("Input.dispatchKeyEvent", new { type = "keyDown", key, windowsVirtualKeyCode = code, code = key, text });
        await SendAsync("Input.dispatchKeyEvent", new { type = "keyUp", key, windowsVirtualKeyCode = code, code = key });
    }

    /// <summary>What the screen shows.</summary>
    public async Task<ImageBuffer> ScreenshotAsync(string path)
    {
        byte[] png = (await SendAsync("Page.captureScreenshot", new { format = "png" }))["data"]!.GetValue<string>() is string data ? Convert.FromBase64String(data) : [];
        await File.WriteAllBytesAsync(path, png);
        return ImageFile.Decode(png, path);
    }

    /// <summary>Sends a command and waits for its answer.</summary>
    public async Task<JsonNode> SendAsync(string method, object? parameters = null)
    {
        int id = ++_last;
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(1));
        await _socket.SendAsync(JsonSerializer.SerializeToUtf8Bytes(new { id, method, @params = parameters ?? new { } }, Json), WebSocketMessageType.Text, true, limit.Token);
        while (true)
        {
            JsonNode message = await ReceiveAsync(limit.Token);
            if (message["id"]?.GetValue<int>() == id)
                return message["result"] ?? throw new InvalidOperationException($"{method}: {message.ToJsonString()}");
            Note(message);
        }
    }

    public async ValueTask DisposeAsync()
    {
        _socket.Dispose();
        _process.Kill(entireProcessTree: true);
        await _process.WaitForExitAsync();
        _process.Dispose();
        // Its children may still write for a moment.
        for (int i = 0; i < 20 && Directory.Exists(_profile); i++)
        {
            try
            {
                Directory.Delete(_profile, recursive: true);
            }
            catch (IOException)
            {
                await Task.Delay(100);
            }
        }
    }

    private async Task ConnectAsync()
    {
        string portFile = Path.Combine(_profile, "DevToolsActivePort");
        for (int i = 0; i < 600 && (!File.Exists(portFile) || (await File.ReadAllLinesAsync(portFile)).Length < 2); i++)
            await Task.Delay(100);
        string port = (await File.ReadAllLinesAsync(portFile))[0];
        using HttpClient client = new();
        JsonNode[] tabs = (await client.GetFromJsonAsync<JsonNode[]>($"http://127.0.0.1:{port}/json"))!;
        JsonNode tab = tabs.First(t => t["type"]!.GetValue<string>() == "page");
        await _socket.ConnectAsync(new Uri(tab["webSocketDebuggerUrl"]!.GetValue<string>()), CancellationToken.None);
        foreach (string domain in new[] { "Page", "Log", "Runtime", "Network" })
            await SendAsync($"{domain}.enable");
    }

    private async Task<JsonNode> ReceiveAsync(CancellationToken cancellationToken)
    {
        using MemoryStream text = new();
        byte[] buffer = new byte[1 << 16];
        WebSocketReceiveResult part;
        do
        {
            part = await _socket.ReceiveAsync(buffer, cancellationToken);
            text.Write(buffer, 0, part.Count);
        }
        while (!part.EndOfMessage);
        return JsonNode.Parse(Encoding.UTF8.GetString(text.ToArray()))!;
    }

    private void Note(JsonNode message)
    {
        string method = message["method"]?.GetValue<string>() ?? "";
        bool isFault = method switch
        {
            "Log.entryAdded" or "Runtime.exceptionThrown" or "Runtime.consoleAPICalled" => true,
            "Network.requestWillBeSent" => new Uri(message["params"]!["request"]!["url"]!.GetValue<string>()).Scheme is not ("file" or "data" or "about"),
            _ => false,
        };
        if (isFault)
            Faults.Add(message.ToJsonString());
    }
}
