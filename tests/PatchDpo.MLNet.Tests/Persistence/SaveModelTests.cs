using System.Diagnostics;
using Microsoft.ML;
using Microsoft.ML.Data;
using PatchDpo.MLNet.Tests.Support;
using PatchDpo.Tests;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.Personalization;
using PatchDpo.Torch.Weights;

namespace PatchDpo.MLNet.Tests.Persistence;

public sealed class SaveModelTests(TinyModels models) : IClassFixture<TinyModels>
{
    private readonly MLContext _ml = new(1);

    [Fact]
    public void A_saved_model_is_loaded_by_either_way_and_leaves_no_other_file()
    {
        using Folder folder = new();
        IDataView rows = TestImages.Rows(_ml, 1);
        using PersonalizedModel model = _ml.PatchDpo.LoadPersonalizedModel(models.Generator);
        using PersonalizedImageTransformer transformer = _ml.PatchDpo.GeneratePersonalizedImages(model, reference: "Image").Fit(rows);
        string[] temporary = Temporary();
        _ml.PatchDpo.SaveModel(transformer, rows.Schema, folder.Model);
        Assert.Equal([folder.Model], Directory.GetFileSystemEntries(folder.Path));
        using (var loaded = (IDisposable)_ml.Model.Load(folder.Model, out DataViewSchema schema))
            Assert.NotNull(schema.GetColumnOrNull("Prompt"));
        ((IDisposable)_ml.PatchDpo.LoadModel(folder.Model, out _)).Dispose();
        Assert.Equal(temporary, Temporary());
    }

    [Fact]
    public void A_model_that_cannot_be_saved_leaves_the_old_one_and_nothing_else()
    {
        using Folder folder = new();
        IDataView rows = TestImages.Rows(_ml, 1);
        File.WriteAllBytes(folder.Model, [1, 2, 3]);
        string[] temporary = Temporary();
        using PersonalizedModel model = _ml.PatchDpo.LoadPersonalizedModel(models.Generator);
        ITransformer generator = _ml.PatchDpo.GeneratePersonalizedImages(model, reference: "Image").Fit(rows);
        ITransformer chain = new TransformerChain<ITransformer>(generator, new Unsaveable());
        Assert.Equal("No space left.", Assert.Throws<IOException>(() => _ml.PatchDpo.SaveModel(chain, rows.Schema, folder.Model)).Message);
        Assert.Equal([1, 2, 3], File.ReadAllBytes(folder.Model));
        Assert.Equal([folder.Model], Directory.GetFileSystemEntries(folder.Path));
        Assert.Equal(temporary, Temporary());
    }

    [SkippableFact]
    public void A_full_disk_leaves_the_old_model_and_nothing_else()
    {
        using Folder folder = new();
        IDataView rows = TestImages.Rows(_ml, 1);
        using PersonalizedModel model = _ml.PatchDpo.LoadPersonalizedModel(models.Generator);
        using PersonalizedImageTransformer transformer = _ml.PatchDpo.GeneratePersonalizedImages(model, reference: "Image").Fit(rows);
        _ml.PatchDpo.SaveModel(transformer, rows.Schema, folder.Model);
        byte[] whole = File.ReadAllBytes(folder.Model);
        using SmallDisk disk = SmallDisk.MountOrSkip(Path.Combine(folder.Path, "disk"), (whole.Length + 4095 + 8192) / 4096 * 4096);
        string path = Path.Combine(disk.Path, "model.zip");
        _ml.PatchDpo.SaveModel(transformer, rows.Schema, path);
        Assert.ThrowsAny<IOException>(() => _ml.PatchDpo.SaveModel(transformer, rows.Schema, path));
        Assert.Equal([path], Directory.GetFileSystemEntries(disk.Path));
        ((IDisposable)_ml.PatchDpo.LoadModel(path, out _)).Dispose();
    }

    [Fact]
    public void A_process_that_is_killed_while_it_saves_leaves_one_whole_model()
    {
        using Folder folder = new();
        for (int i = 0; i < 4; i++)
        {
            using (Process process = Process.Start(ChildProcess.PrepareSelf(SaveLoop.Argument, folder.Model))!)
            {
                try
                {
                    Assert.Equal(SaveLoop.Saved, process.StandardOutput.ReadLine());
                    Thread.Sleep(37 * (i + 1));
                }
                finally
                {
                    process.Kill();
                }
                process.WaitForExit();
            }
            // What the killed process left beside the model is no model, and is in nobody's way.
            Assert.All(Directory.GetFiles(folder.Path), f => Assert.True(f == folder.Model || f.EndsWith(".tmp", StringComparison.Ordinal)));
            ((IDisposable)_ml.PatchDpo.LoadModel(folder.Model, out _)).Dispose();
        }
    }

    [Fact]
    public void What_a_killed_process_left_beside_weights_is_no_model()
    {
        using Folder folder = new();
        string dino = Path.Combine(folder.Path, "dino");
        TinyModels.CopyFiles(models.Dino, dino);
        IDataView rows = TestImages.Rows(_ml, 1);
        using (ImageEmbeddingTransformer transformer = _ml.PatchDpo.EmbedImages("E", ImageEncoder.FromFolder(dino), "Image").Fit(rows))
            _ml.PatchDpo.SaveModel(transformer, rows.Schema, folder.Model);
        foreach (string name in new[] { "model.safetensors.0abcdefg.hij.tmp", "config.json.0abcdefg.hij.tmp", "pytorch_model.bin.0abcdefg.hij.tmp" })
            File.WriteAllBytes(Path.Combine(dino, name), [1, 2, 3]);
        // The folder's fingerprint is what it was, and so is what is read.
        ((IDisposable)_ml.PatchDpo.LoadModel(folder.Model, out _)).Dispose();
        Assert.Equal(Path.Combine(dino, "model.safetensors"), Assert.Single(ModelFolder.WeightPaths(dino)));
        File.Delete(Path.Combine(dino, "model.safetensors"));
        Assert.Throws<ModelFileNotFoundException>(() => ModelFolder.RequireFile(dino));
    }

    [SkippableFact]
    public void A_pipe_or_a_folder_in_a_models_place_is_told_at_once()
    {
        Skip.IfNot(OperatingSystem.IsLinux(), "Named pipes lie in Linux's file system.");
        using Folder folder = new();
        Assert.Contains("a folder", Assert.Throws<InvalidDataException>(() => _ml.PatchDpo.LoadModel(folder.Path, out _)).Message, StringComparison.Ordinal);
        using (Process made = Process.Start("mkfifo", [folder.Model]))
            made.WaitForExit();
        Exception? error = null;
        // On a thread of its own: one that waits for ever cannot be stopped.
        var thread = new Thread(() => error = Record.Exception(() => _ml.PatchDpo.LoadModel(folder.Model, out _))) { IsBackground = true };
        thread.Start();
        Assert.True(thread.Join(TimeSpan.FromSeconds(20)), "It hangs.");
        Assert.Contains("a named pipe", Assert.IsType<InvalidDataException>(error).Message, StringComparison.Ordinal);
    }

    private static string[] Temporary() => [.. Directory.GetFileSystemEntries(Path.GetTempPath(), "patchdpo-*.safetensors").Order(StringComparer.Ordinal)];

    private sealed class Folder : IDisposable
    {
        public string Path { get; } = Directory.CreateTempSubdirectory("saving").FullName;

        public string Model => System.IO.Path.Combine(Path, "model.zip");

        public void Dispose() => Directory.Delete(Path, recursive: true);
    }

    /// <summary>A transformer whose saving meets a full disk.</summary>
    private sealed class Unsaveable : ITransformer
    {
        public bool IsRowToRowMapper => false;

        public DataViewSchema GetOutputSchema(DataViewSchema inputSchema) => inputSchema;

        public IRowToRowMapper GetRowToRowMapper(DataViewSchema inputSchema) => throw new NotSupportedException();

        public IDataView Transform(IDataView input) => input;

        void ICanSaveModel.Save(ModelSaveContext context) => throw new IOException("No space left.");
    }
}
