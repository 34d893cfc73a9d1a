using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using PatchDpo.Torch.Images;

namespace PatchDpo.Benchmarks.Speed;

/// <summary>Decoding and Pillow-exact resizing on one thread against Pillow on the same files, where Debian's python3-pil is installed.</summary>
internal static class DecodeBenchmark
{
    private const string Python = "/usr/bin/python3";

    // Times itself, so that starting Python counts for nothing; one unmeasured pass first, as .NET has it.
    private const string Script = """
        import sys, time
        from PIL import Image
        side, files = int(sys.argv[1]), sys.argv[2:]

        def run():
            for file in files:
                Image.open(file).convert("RGB").resize((side, side), Image.BICUBIC)
        run()
        for line in sys.stdin:
            start = time.perf_counter()
            run()
            print(time.perf_counter() - start, flush=True)
        """;

    public static Command Command()
    {
        Option<int> rounds = Contest.Rounds(9), count = new("--photos") { Description = "Files.", DefaultValueFactory = _ => 32 };
        Option<int> from = new("--from") { Description = "Side of the JPEG files.", DefaultValueFactory = _ => 512 };
        Option<int> to = new("--to") { Description = "Side that they are resized to.", DefaultValueFactory = _ => 256 };
        var command = new Command("decode", "Decodes JPEG files and resizes them (bicubic, Pillow's bytes) on one thread, against Pillow.") { rounds, count, from, to };
        command.SetAction(r => Run(r.GetValue(count), r.GetValue(from), r.GetValue(to), r.GetValue(rounds)));
        return command;
    }

    private static void Run(int count, int from, int to, int rounds)
    {
        using var photos = new PhotoFolder(count, from);
        double[] ours = new double[rounds], theirs = new double[rounds];
        using Process? pillow = StartPillow(photos, to);
        for (int round = -1; round < rounds; round++)
        {
            long start = Stopwatch.GetTimestamp();
            foreach (string file in photos.Files)
                PillowResize.Resize(ImageFile.Load(file).ToRgb(), to, to, ResampleFilter.Bicubic);
            double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
            double other = pillow is null ? double.NaN : Pass(pillow);
            if (round >= 0)
                (ours[round], theirs[round]) = (seconds, other);
        }
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"ours    {count / ours.Order().ElementAt(rounds / 2):F1} images/s on one thread"));
        if (pillow is null)
            return;
        double[] ratios = [.. theirs.Zip(ours, (t, o) => t / o).Order()];
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"Pillow  {count / theirs.Order().ElementAt(rounds / 2):F1} images/s"));
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"ours / Pillow  x {ratios[rounds / 2]:F3} ({ratios[0]:F3} .. {ratios[^1]:F3})"));
        pillow.StandardInput.Close();
        pillow.WaitForExit();
    }

    private static double Pass(Process pillow)
    {
        pillow.StandardInput.WriteLine();
        pillow.StandardInput.Flush();
        return double.Parse(pillow.StandardOutput.ReadLine()!, CultureInfo.InvariantCulture);
    }

    private static Process? StartPillow(PhotoFolder photos, int side)
    {
        if (!File.Exists(Python))
        {
            Console.WriteLine($"no Pillow: '{Python}' is not here");
            return null;
        }
        using Process probe = Process.Start(new ProcessStartInfo(Python, ["-c", "import PIL"]) { RedirectStandardError = true })!;
        string errors = probe.StandardError.ReadToEnd();
        probe.WaitForExit();
        if (probe.ExitCode != 0)
        {
            Console.WriteLine($"no Pillow: {errors.TrimEnd().Split('\n')[^1]}");
            return null;
        }
        return Process.Start(new ProcessStartInfo(Python, ["-c", Script, $"{side}", .. photos.Files])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        });
    }
}
