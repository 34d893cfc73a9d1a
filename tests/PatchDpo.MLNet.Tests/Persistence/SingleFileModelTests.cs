using Microsoft.ML;
using PatchDpo.MLNet.Tests.Support;
using PatchDpo.Tests;
using PatchDpo.Torch.Personalization;
using PatchDpo.Torch.Weights.Pickle;
using PatchDpo.Torch.Weights.Safetensors;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.MLNet.Tests.Persistence;

/// <summary>A base model in one file is tuned, saved and loaded again as a folder's is.</summary>
public sealed class SingleFileModelTests : IDisposable
{
    private static readonly GenerationOptions Fast = new() { Steps = 2, GuidanceScale = 1, BatchSize = 2 };

    private readonly MLContext _ml = new(1);
    private readonly string _root = Directory.CreateTempSubdirectory("patchdpo-single-").FullName;

    public void Dispose()
    {
        SingleFileLayout.Assumed.Value = null;
        Directory.Delete(_root, recursive: true);
    }

    [Theory]
    [InlineData(TinyFamily.Sd15, "model.safetensors")]
    [InlineData(TinyFamily.Sdxl, "model.ckpt")]
    public void A_model_tuned_from_a_single_file_is_saved_and_loaded_again_to_the_last_byte(TinyFamily family, string name)
    {
        string folder = TinyPersonalizedModel.Write(Path.Combine(_root, "folder"), family: family, sampler: "EulerDiscreteScheduler");
        string path = Write(folder, name), saved = Path.Combine(_root, "tuned.zip");
        string dino = TinyModels.WriteDino(Path.Combine(_root, "dino"), seed: 3);
        IDataView pairs = PairRow.Rows(_ml, 2);
        IDataView scored = _ml.PatchDpo.ScorePatchQuality("Generated", "Reference", ImageEncoder.FromFolder(dino)).Fit(pairs).Transform(pairs);

        List<object[]> untuned, expected;
        using (PersonalizedModel model = _ml.PatchDpo.LoadPersonalizedModel(path, Options(folder)))
        {
            untuned = Generate(_ml.PatchDpo.GeneratePersonalizedImages(model, generation: Fast).Fit(scored), scored);
            var options = new PatchDpoTrainer.Options { Training = new() { MaxSteps = 3, LearningRate = 0.01 }, Seed = 1, Generation = Fast };
            using PersonalizedImageTransformer tuned = _ml.PatchDpo.Trainers.PatchDpo(model, options).Fit(scored);
            expected = Generate(tuned, scored);
            _ml.PatchDpo.SaveModel(tuned, scored.Schema, saved);
        }
        Assert.NotEqual(untuned, expected);

        SingleFileLayout.Assumed.Value = SmallSingleFile.Layout(folder);
        ITransformer loaded = _ml.Model.Load(saved, out DataViewSchema schema);
        using (Assert.IsType<PersonalizedImageTransformer>(loaded))
        {
            Assert.NotNull(schema.GetColumnOrNull("Prompt"));
            Assert.Equal(expected, Generate((PersonalizedImageTransformer)loaded, scored));
            // What was loaded is saved as what was tuned.
            _ml.PatchDpo.SaveModel(loaded, scored.Schema, saved);
        }
        using var again = (PersonalizedImageTransformer)_ml.PatchDpo.LoadModel(saved, out _);
        Assert.Equal(expected, Generate(again, scored));
    }

    [Fact]
    public void A_single_file_that_has_changed_or_moved_is_named()
    {
        string folder = TinyPersonalizedModel.Write(Path.Combine(_root, "folder"), family: TinyFamily.Sd15, sampler: "EulerDiscreteScheduler");
        string path = Write(folder, "model.safetensors"), saved = Path.Combine(_root, "model.zip"), moved = Path.Combine(_root, "moved.safetensors");
        IDataView rows = PairRow.Rows(_ml, 1);
        List<object[]> expected;
        using (PersonalizedModel model = _ml.PatchDpo.LoadPersonalizedModel(path, Options(folder)))
        {
            PersonalizedImageTransformer transformer = _ml.PatchDpo.GeneratePersonalizedImages(model, generation: Fast).Fit(rows);
            expected = Generate(transformer, rows);
            _ml.PatchDpo.SaveModel(transformer, rows.Schema, saved);
        }
        SingleFileLayout.Assumed.Value = SmallSingleFile.Layout(folder);
        File.Move(path, moved);
        Assert.Equal(path, Assert.Throws<ModelReferenceException>(() => _ml.PatchDpo.LoadModel(saved, out _)).Folder);
        PatchDpoComponents.RedirectModelFolder(path, moved);
        using (var loaded = (PersonalizedImageTransformer)_ml.PatchDpo.LoadModel(saved, out _))
            Assert.Equal(expected, Generate(loaded, rows));
        byte[] bytes = File.ReadAllBytes(moved);
        bytes[^1] ^= 1;
        File.WriteAllBytes(moved, bytes);
        Assert.Equal(moved, Assert.Throws<ModelReferenceException>(() => _ml.PatchDpo.LoadModel(saved, out _)).Folder);
    }

    private string Write(string folder, string name)
    {
        using DisposeScope scope = NewDisposeScope();
        string path = Path.Combine(_root, name);
        Dictionary<string, Tensor> tensors = SmallSingleFile.Tensors(folder);
        if (name.EndsWith(".ckpt", StringComparison.Ordinal))
            TorchCheckpointWriter.Write(path, new Dictionary<string, IReadOnlyDictionary<string, Tensor>> { ["state_dict"] = tensors });
        else
            SafetensorsWriter.Write(path, tensors);
        return path;
    }

    private static PersonalizedModelOptions Options(string folder) => new()
    {
        AdapterPath = Path.Combine(folder, "ip_adapter.safetensors"),
        ImageEncoderPath = Path.Combine(folder, "image_encoder"),
        TokenizerPath = Path.Combine(folder, "tokenizer"),
        Layout = SmallSingleFile.Layout(folder),
    };

    private static List<object[]> Generate(PersonalizedImageTransformer transformer, IDataView rows)
        => RowReader.Read(transformer.Transform(rows), "Generated");
}
