using System.Diagnostics;
using PatchDpo.Tests;
using PatchDpo.Torch.Adapters;
using PatchDpo.Torch.Pairs;
using PatchDpo.Torch.PatchQuality;
using PatchDpo.Torch.Personalization;
using PatchDpo.Torch.Tests.Personalization;
using PatchDpo.Torch.Tests.Weights;
using PatchDpo.Torch.Training;
using PatchDpo.Torch.Training.Data;
using PatchDpo.Torch.Weights;
using PatchDpo.Torch.Weights.Safetensors;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Training.Data;

public sealed class ConditionStoreTests(TinyModelFixture fixture) : IClassFixture<TinyModelFixture>, IDisposable
{
    private readonly PersonalizedModel _model = fixture.Model;
    private readonly TemporaryFolder _folder = new();

    private string Store => _folder.File("store");

    // The folder of the one model.
    private string ModelFolder => Assert.Single(Directory.GetDirectories(Store));

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_training_with_a_store_is_the_one_without_to_the_last_bit_the_first_time_and_the_second()
    {
        byte[] memory = Train(new());
        Assert.Equal(memory, Train(new() { Store = new() { Folder = Store } }));
        string[] shards = Shards();
        Assert.Equal(memory, Train(new() { Store = new() { Folder = Store } }));
        Assert.Equal(shards, Shards());
        Assert.NotEqual(memory, Train(new() { Store = new() { Folder = Store, DType = ScalarType.BFloat16 } }));
        LeakCheck.Run(() => Train(new() { Store = new() { Folder = Store } }));
    }

    [Fact]
    public void An_image_and_a_prompt_are_stored_once_whatever_pairs_have_them()
    {
        TrainingPair[] pairs = Pairs(3);
        Prepare([.. pairs, .. pairs.Select(p => p with { Prompt = pairs[0].Prompt, Generated = p.Reference })]);
        Dictionary<string, int> rows = Rows();
        // Three references, three generated images; three prompts and the empty one; three image prompts and the dropped one.
        Assert.Equal(new Dictionary<string, int> { ["latents-32"] = 6, ["text"] = 4, ["image"] = 4 }, rows);
        Prepare([pairs[0] with { Prompt = "new" }]);
        rows["text"]++;
        Assert.Equal(rows, Rows());
        Assert.Empty(Directory.EnumerateFileSystemEntries(Path.Combine(ModelFolder, "writers")));
        Assert.Empty(Directory.EnumerateFileSystemEntries(Path.Combine(ModelFolder, "claims")));
    }

    [Fact]
    public void Another_model_another_type_and_another_size_have_rows_of_their_own()
    {
        Prepare(Pairs(1));
        using PersonalizedModel half = PersonalizedModel.Load(_model.FolderPath, dtype: ScalarType.BFloat16);
        new PatchDpoTrainer(half, new() { Store = new() { Folder = Store } }).Prepare(Pairs(1)).Dispose();
        Assert.Equal(2, Directory.GetDirectories(Store).Length);
        new PatchDpoTrainer(_model, new() { Store = new() { Folder = Store, DType = ScalarType.BFloat16 } }).Prepare(Pairs(1)).Dispose();
        Assert.Equal(3, Directory.GetDirectories(Store).Length);
        new PatchDpoTrainer(_model, new() { Size = 16, Store = new() { Folder = Store } }).Prepare(Pairs(1)).Dispose();
        Assert.Equal(3, Directory.GetDirectories(Store).Length);
    }

    [Fact]
    public void What_was_encoded_before_a_cancellation_is_kept_and_the_same_rows_are_encoded_together_afterwards()
    {
        byte[] straight = Train(new(), 30);
        using var source = new CancellationTokenSource();
        IEnumerable<TrainingPair> cancelling = Pairs(30).Select((pair, i) =>
        {
            if (i == 20)
                source.Cancel();
            return pair;
        });
        var trainer = new PatchDpoTrainer(_model, new() { Store = new() { Folder = Store } });
        Assert.Throws<OperationCanceledException>(() => trainer.Prepare(cancelling, source.Token));
        int stored = Rows()["latents-32"];
        Assert.Equal(40, stored);
        Assert.Equal(straight, Train(new() { Store = new() { Folder = Store } }, 30));
        Assert.Equal(60, Rows()["latents-32"]);
    }

    [Fact]
    public void Several_processes_fill_one_store_and_no_row_is_there_twice()
    {
        Process[] processes = [.. Enumerable.Range(0, 3).Select(_ => ChildProcess.StartAssembly(
            "PatchDpo.Torch.Tests.dll", SaveProgram.Prepare, _model.FolderPath, Store, "40"))];
        foreach (Process process in processes)
        {
            (int exitCode, _, string errors) = ChildProcess.Finish(process);
            Assert.True(exitCode == 0, errors);
        }
        Assert.Equal(new Dictionary<string, int> { ["latents-32"] = 80, ["text"] = 41, ["image"] = 41 }, Rows());
        Assert.Equal(Train(new(), 40), Train(new() { Store = new() { Folder = Store } }, 40));
    }

    [Fact]
    public void What_a_killed_process_had_claimed_and_begun_is_taken_over()
    {
        using (Process process = ChildProcess.StartAssembly("PatchDpo.Torch.Tests.dll", SaveProgram.Prepare, _model.FolderPath, Store, "1000000"))
        {
            Assert.Equal(SaveProgram.Stopped, process.StandardOutput.ReadLine());
            Thread.Sleep(300);
            process.Kill();
            process.WaitForExit();
        }
        Assert.NotEmpty(Directory.EnumerateFileSystemEntries(Path.Combine(ModelFolder, "writers")));
        Assert.Equal(Train(new(), 20), Train(new() { Store = new() { Folder = Store } }, 20));
        Assert.Empty(Directory.EnumerateFileSystemEntries(Path.Combine(ModelFolder, "writers")));
    }

    [Theory]
    [InlineData("cut")]
    [InlineData("other")]
    [InlineData("strange")]
    public void A_shard_that_is_damaged_or_of_something_else_is_named(string fault)
    {
        Prepare(Pairs(2));
        string shard = Shards()[0];
        if (fault == "cut")
        {
            using FileStream stream = File.OpenWrite(shard);
            stream.SetLength(stream.Length - 5);
        }
        else
        {
            using DisposeScope scope = NewDisposeScope();
            SafetensorsWriter.Write(shard, new Dictionary<string, Tensor> { ["content"] = zeros(1, 16, dtype: ScalarType.Byte), ["tokens"] = zeros(1, 2) },
                fault == "strange" ? null : new Dictionary<string, string> { ["format"] = "1", ["kind"] = "image", ["model"] = "another" });
        }
        Assert.Equal(shard, Assert.Throws<WeightsFormatException>(() => Prepare(Pairs(2))).Path);
    }

    [SkippableFact]
    public void A_full_disk_is_told_and_what_was_stored_before_stays()
    {
        using SmallDisk disk = SmallDisk.MountOrSkip(_folder.File("disk"), 200 * 1024);
        var options = new PatchDpoTrainerOptions { Store = new() { Folder = disk.Path } };
        new PatchDpoTrainer(_model, options).Prepare(Pairs(3)).Dispose();
        Assert.Throws<IOException>(() => new PatchDpoTrainer(_model, options).Prepare(Pairs(200)));
        new PatchDpoTrainer(_model, options).Prepare(Pairs(3)).Dispose();
    }

    [Fact]
    public void Pairs_are_read_once_one_after_another_and_none_is_kept()
    {
        int read = 0;
        List<WeakReference> images = [];
        IEnumerable<TrainingPair> Rows()
        {
            for (int i = 0; i < 100; i++)
            {
                read++;
                TrainingPair pair = Pair(i);
                images.Add(new WeakReference(pair.Generated));
                yield return pair;
            }
        }
        using PreparedPairs prepared = new PatchDpoTrainer(_model, new() { Store = new() { Folder = Store } }).Prepare(Rows());
        Assert.Equal((100, 100), (read, prepared.Count));
        GC.Collect();
        Assert.True(images.Count(i => i.IsAlive) < 5, $"{images.Count(i => i.IsAlive)} images are held.");
    }

    [Fact]
    public void Pairs_of_another_model_or_size_are_not_trained_on()
    {
        using PreparedPairs prepared = new PatchDpoTrainer(_model).Prepare(Pairs(1));
        Assert.Throws<ArgumentException>("pairs", () => new PatchDpoTrainer(_model, new() { Size = 16 }).Train(prepared));
        using PersonalizedModel other = _model.WithAdapterLayers(_model.AdapterLayers.Clone());
        Assert.Throws<ArgumentException>("pairs", () => new PatchDpoTrainer(other).Train(prepared));
    }

    /// <summary>What a child process does.</summary>
    /// <param name="model">The model's folder.</param>
    /// <param name="store">The store's.</param>
    /// <param name="pairs">How many pairs.</param>
    internal static void PrepareInChild(string model, string store, int pairs)
    {
        using PersonalizedModel loaded = PersonalizedModel.Load(model);
        IEnumerable<TrainingPair> telling = Enumerable.Range(0, pairs).Select(i =>
        {
            if (i == 30)
                Console.WriteLine(SaveProgram.Stopped);
            return Pair(i);
        });
        new PatchDpoTrainer(loaded, new() { Store = new() { Folder = store } }).Prepare(telling).Dispose();
    }

    private static TrainingPair[] Pairs(int count) => [.. Enumerable.Range(0, count).Select(Pair)];

    private static TrainingPair Pair(int i) => new($"a thing {i}", TinyPersonalizedModel.Image(i), TinyPersonalizedModel.Image(1_000_000 + i, 48, 40),
        new QualityMap(1, 2, [0.2f, 0.3f]), new QualityMap(1, 1, [0.9f]));

    private void Prepare(TrainingPair[] pairs) => new PatchDpoTrainer(_model, new() { Store = new() { Folder = Store } }).Prepare(pairs).Dispose();

    private byte[] Train(PatchDpoTrainerOptions options, int pairs = 3)
    {
        using AdapterLayers tuned = new PatchDpoTrainer(_model, options with { MaxSteps = 3, TextDropout = 0.3, ImageDropout = 0.3 }).Train(Pairs(pairs));
        return [.. tuned.state_dict().OrderBy(t => t.Key, StringComparer.Ordinal).SelectMany(t => t.Value.bytes.ToArray())];
    }

    private string[] Shards() => [.. Directory.GetFiles(ModelFolder).Order(StringComparer.Ordinal)];

    private Dictionary<string, int> Rows()
    {
        Dictionary<string, int> rows = [];
        foreach (string shard in Shards())
        {
            using SafetensorsFile file = SafetensorsFile.Open(shard);
            string kind = file.Metadata["kind"];
            rows[kind] = rows.GetValueOrDefault(kind) + (int)file.Shape("content")[0];
        }
        return rows;
    }
}
