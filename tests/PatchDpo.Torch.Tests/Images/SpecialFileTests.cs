using System.Diagnostics;
using System.Net.Sockets;
using PatchDpo.Torch.Clip;
using PatchDpo.Torch.DataConstruction;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.PatchEncoders;
using PatchDpo.Torch.Weights;
using PatchDpo.Torch.Weights.Pickle;
using PatchDpo.Torch.Weights.Safetensors;
using PatchDpo.Torch.Weights.Sharded;

namespace PatchDpo.Torch.Tests.Images;

/// <summary>Pipes, devices, sockets, folders and links in a file's place: an exception at once, where opening or reading would wait for ever.</summary>
public sealed class SpecialFileTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private readonly string _folder = Directory.CreateTempSubdirectory("patchdpo-special-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [SkippableTheory]
    [InlineData("/dev/zero", "a device")]
    [InlineData("/dev/null", "a device")]
    [InlineData("/dev/tty", "a device")]
    [InlineData("/", "a folder")]
    public void A_device_is_no_image(string path, string kind)
    {
        Skip.IfNot(OperatingSystem.IsLinux() && Path.Exists(path), $"There is no '{path}'.");
        AssertImageIs(kind, path);
    }

    [SkippableFact]
    public void A_named_pipe_is_no_file_also_through_a_link()
    {
        string pipe = Pipe(), link = Path.Combine(_folder, "link.png");
        File.CreateSymbolicLink(link, pipe);
        AssertImageIs("a named pipe", pipe);
        AssertImageIs("a named pipe", link);
        Assert.Contains("a named pipe", Soon<PromptFileException>(() => PromptFile.Read(pipe)).Message);
        Assert.Contains("a named pipe", Soon<WeightsFormatException>(() => WeightsFile.Open(pipe)).Message);
        Assert.Contains("a named pipe", Soon<WeightsFormatException>(() => SafetensorsFile.Open(pipe)).Message);
        Assert.Contains("a named pipe", Soon<WeightsFormatException>(() => TorchCheckpoint.Open(pipe)).Message);
        Assert.Contains("a named pipe", Soon<WeightsFormatException>(() => ShardedTensorFile.Open(pipe)).Message);
        Assert.Contains("a named pipe", Soon<ModelConfigException>(() => ModelConfig.Read(pipe)).Message);
        Assert.Contains("a named pipe", Soon<WeightsFormatException>(() => ModelIdentity.FromPath("encoder", pipe)).Message);
    }

    [SkippableFact]
    public void A_named_pipe_is_no_homography_and_no_part_of_a_data_set()
    {
        string pipe = Pipe();
        ImageFile.SavePng(Path.Combine(_folder, "1.png"), new ImageBuffer(2, 2, 1, [1, 2, 3, 4]));
        File.Copy(Path.Combine(_folder, "1.png"), Path.Combine(_folder, "2.png"));
        File.Move(pipe, Path.Combine(_folder, "H_1_2"));
        string message = Soon<FormatException>(() => HomographyPair.FromHPatches(_folder)).Message;
        Assert.Contains("H_1_2", message);
        Assert.Contains("a named pipe", message);

        File.Move(Path.Combine(_folder, "H_1_2"), Path.Combine(_folder, "manifest.json"));
        Assert.Contains("a named pipe", Soon<PairFolderException>(() => PairFolder.Open(_folder)).Message);
        File.Move(Path.Combine(_folder, "manifest.json"), Path.Combine(_folder, "gen.png"));
        PairFolderException recorded = Soon<PairFolderException>(() => RecordedFile.Check(_folder, "gen.png", "00"));
        Assert.Equal("gen.png", recorded.Place);
        Assert.Contains("a named pipe", recorded.Message);
        File.Move(Path.Combine(_folder, "gen.png"), Path.Combine(_folder, "manifest.partial.jsonl"));
        var header = new PairHeader(1, new Dictionary<string, string>(), []);
        Assert.Contains("a named pipe", Soon<PairFolderException>(() => PairJournal.Open(_folder, header)).Message);
    }

    [SkippableFact]
    public void A_named_pipe_is_no_tokenizers_file()
    {
        string pipe = Pipe();
        File.WriteAllText(Path.Combine(_folder, "merges.txt"), "");
        File.Move(pipe, Path.Combine(_folder, "vocab.json"));
        Assert.Contains("a named pipe", Soon<ModelConfigException>(() => TokenizerFiles.Read(_folder)).Message);
        File.Move(Path.Combine(_folder, "vocab.json"), Path.Combine(_folder, "merges.txt"), overwrite: true);
        File.WriteAllText(Path.Combine(_folder, "vocab.json"), "{}");
        Assert.Contains("a named pipe", Soon<ModelConfigException>(() => TokenizerFiles.Read(_folder)).Message);
    }

    [Fact]
    public void Limits_hold_for_the_files_that_links_lead_to()
    {
        string large = Path.Combine(_folder, "large"), link = Path.Combine(_folder, "vocab.json");
        using (FileStream file = File.Create(large))
            file.SetLength((1L << 27) + 1);
        File.CreateSymbolicLink(link, large);
        File.WriteAllText(Path.Combine(_folder, "merges.txt"), "");
        Assert.Contains("more than 134217728 bytes", Soon<ModelConfigException>(() => ModelConfig.Read(link)).Message);
        Assert.Contains("has 134217729 bytes", Soon<ModelConfigException>(() => TokenizerFiles.Read(_folder)).Message);
    }

    [Fact]
    public void A_folder_is_no_text_and_no_configuration()
    {
        Assert.Contains("a folder", Soon<PromptFileException>(() => PromptFile.Read(_folder)).Message);
        Assert.Contains("a folder", Soon<ModelConfigException>(() => ModelConfig.Read(_folder)).Message);
    }

    [SkippableFact]
    public void A_socket_is_no_image()
    {
        Skip.IfNot(OperatingSystem.IsLinux(), "Sockets lie in Linux's file system.");
        string path = Path.Combine(_folder, "socket.png");
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Bind(new UnixDomainSocketEndPoint(path));
        AssertImageIs("a socket", path);
    }

    [Fact]
    public void A_broken_link_says_where_it_leads_and_a_loop_ends()
    {
        string broken = Path.Combine(_folder, "broken.png"), loop = Path.Combine(_folder, "loop.png");
        File.CreateSymbolicLink(broken, "gone.png");
        File.CreateSymbolicLink(loop, "loop.png");
        Assert.Contains("'gone.png'", Soon<FileNotFoundException>(() => ImageFile.Load(broken)).Message);
        Assert.Contains(loop, Soon<FileNotFoundException>(() => ImageFile.Load(loop)).Message);
    }

    [Fact]
    public void A_link_to_an_image_is_followed()
    {
        string file = Path.Combine(_folder, "a.png"), link = Path.Combine(_folder, "b.png");
        ImageFile.SavePng(file, new ImageBuffer(2, 1, 1, [1, 2]));
        File.CreateSymbolicLink(link, "a.png");
        Assert.Equal([1, 2], ImageFile.Load(link).Pixels);
    }

    private string Pipe()
    {
        Skip.IfNot(OperatingSystem.IsLinux(), "Named pipes lie in Linux's file system.");
        string path = Path.Combine(_folder, "pipe.png");
        using Process made = Process.Start("mkfifo", [path]);
        made.WaitForExit();
        return path;
    }

    private static void AssertImageIs(string kind, string path)
    {
        InvalidImageException error = Soon<InvalidImageException>(() => ImageFile.Load(path));
        Assert.Contains($"this is {kind}, not an image file", error.Message);
        Assert.Equal(path, error.ImageSource);
    }

    // On a thread of its own: one that waits for ever cannot be stopped.
    private static TException Soon<TException>(Action action)
        where TException : Exception
    {
        Exception? error = null;
        var thread = new Thread(() => error = Record.Exception(action)) { IsBackground = true };
        thread.Start();
        Assert.True(thread.Join(Patience), "It hangs.");
        return Assert.IsType<TException>(error);
    }
}
