using System.Reflection;
using Microsoft.ML;
using PatchDpo.MLNet.Tests.Support;
using PatchDpo.Tests;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.Personalization;

namespace PatchDpo.MLNet.Tests.Persistence;

public sealed class ModelReferenceTests(TinyModels models) : IClassFixture<TinyModels>
{
    private readonly MLContext _ml = new(1);

    [Fact]
    public void Weights_that_changed_since_saving_are_an_error_that_names_their_folder()
    {
        string folder = TinyModels.WriteDino(Path.Combine(models.Root, "changing"), seed: 1);
        byte[] saved = Save(_ml.PatchDpo.EmbedImages("E", ImageEncoder.FromFolder(folder), "Image").Fit(TestImages.Rows(_ml, 1)));
        File.WriteAllText(Path.Combine(folder, "README.md"), "A note changes nothing.");
        Load(saved);
        TinyModels.WriteDino(folder, seed: 2);
        ModelReferenceException e = LoadFails(saved);
        Assert.Equal(folder, e.Folder);
        Assert.Contains("SHA-256", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData((int)ModelFilesRule.WithLitter, "._config.json", "._model.safetensors", ".DS_Store", "Thumbs.db", ".ipynb_checkpoints/config-checkpoint.json")]
    [InlineData((int)ModelFilesRule.WithCheckpoints, "pytorch_model.bin")]
    public void What_loading_does_not_read_is_no_change_of_the_model(int counting, params string[] others)
    {
        var rule = (ModelFilesRule)counting;
        string folder = TinyModels.WriteDino(Path.Combine(models.Root, $"{rule}"), seed: 1);
        string clean = ModelFingerprint.Of(folder);
        Assert.Equal(clean, ModelFingerprint.Of(folder, rule: rule));
        byte[] saved = Save(_ml.PatchDpo.EmbedImages("E", ImageEncoder.FromFolder(folder), "Image").Fit(TestImages.Rows(_ml, 1)));
        Directory.CreateDirectory(Path.Combine(folder, ".ipynb_checkpoints"));
        foreach (string other in others)
            File.WriteAllText(Path.Combine(folder, other), "other");
        Assert.Equal(clean, ModelFingerprint.Of(folder));
        Load(saved);
        // An earlier version counted it: what it saved of this folder still loads.
        string counted = ModelFingerprint.Of(folder, rule: rule);
        Assert.NotEqual(clean, counted);
        using var stream = new MemoryStream();
        using (var writer = new BinaryWriter(stream, System.Text.Encoding.UTF8, leaveOpen: true))
            foreach (string text in new[] { "", folder, "", counted })
                writer.Write(text);
        stream.Position = 0;
        Assert.Equal(folder, ModelLocation.Read(new BinaryReader(stream)).Folder);
    }

    [Fact]
    public void A_folder_that_is_gone_is_an_error_and_can_be_redirected()
    {
        string folder = TinyModels.WriteDino(Path.Combine(models.Root, "moving"), seed: 1), moved = Path.Combine(models.Root, "moved");
        byte[] saved = Save(_ml.PatchDpo.EmbedImages("E", ImageEncoder.FromFolder(folder), "Image").Fit(TestImages.Rows(_ml, 1)));
        Directory.Move(folder, moved);
        ModelReferenceException e = LoadFails(saved);
        Assert.Equal(folder, e.Folder);
        Assert.Contains(nameof(PatchDpoComponents.RedirectModelFolder), e.Message, StringComparison.Ordinal);
        PatchDpoComponents.RedirectModelFolder(e.Folder, moved);
        Load(saved);
        string file = Path.Combine(models.Root, "redirected.zip");
        File.WriteAllBytes(file, saved);
        Assert.IsType<ImageEmbeddingTransformer>(_ml.PatchDpo.LoadModel(file, out DataViewSchema schema));
        Assert.NotNull(schema.GetColumnOrNull("Prompt"));
    }

    [Fact]
    public void A_saved_generator_refers_to_its_base_and_brings_its_own_adapter()
    {
        string folder = Path.Combine(models.Root, "base");
        TinyModels.CopyFiles(models.Generator, folder);
        byte[] saved;
        using (PersonalizedModel model = _ml.PatchDpo.LoadPersonalizedModel(folder))
            saved = Save(_ml.PatchDpo.GeneratePersonalizedImages(model, reference: "Image").Fit(TestImages.Rows(_ml, 1)));
        File.Delete(Path.Combine(folder, "ip_adapter.safetensors"));
        (Load(saved) as IDisposable)!.Dispose();

        string unet = Path.Combine(folder, "unet", "diffusion_pytorch_model.safetensors");
        byte[] weights = File.ReadAllBytes(unet);
        weights[^1] ^= 1;
        File.WriteAllBytes(unet, weights);
        Assert.Equal(folder, LoadFails(saved).Folder);
    }

    private byte[] Save(ITransformer transformer)
    {
        using var stream = new MemoryStream();
        _ml.Model.Save(transformer, TestImages.Rows(_ml, 1).Schema, stream);
        return stream.ToArray();
    }

    private ITransformer Load(byte[] saved) => _ml.Model.Load(new MemoryStream(saved), out _);

    // ML.NET wraps what a component throws while it loads; our own LoadModel does not.
    private ModelReferenceException LoadFails(byte[] saved)
    {
        TargetInvocationException wrapped = Assert.Throws<TargetInvocationException>(() => Load(saved));
        string file = Path.Combine(models.Root, "saved.zip");
        File.WriteAllBytes(file, saved);
        ModelReferenceException e = Assert.Throws<ModelReferenceException>(() => _ml.PatchDpo.LoadModel(file, out _));
        Assert.Equal(e.Message, wrapped.InnerException!.Message);
        return e;
    }
}
