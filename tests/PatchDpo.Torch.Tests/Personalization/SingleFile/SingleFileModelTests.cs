using System.Text.Json.Nodes;
using PatchDpo.Tests;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.Personalization;
using PatchDpo.Torch.Tests.Weights.Pickle;
using PatchDpo.Torch.Weights;
using PatchDpo.Torch.Weights.Pickle;
using PatchDpo.Torch.Weights.Safetensors;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Personalization.SingleFile;

/// <summary>A tiny model in one file draws what its folder draws.</summary>
public sealed class SingleFileModelTests : IDisposable
{
    private readonly TemporaryFolder _temporary = new();

    public void Dispose() => _temporary.Dispose();

    [Theory]
    [InlineData(TinyFamily.Sd15, "model.safetensors")]
    [InlineData(TinyFamily.Sd15, "model.ckpt")]
    [InlineData(TinyFamily.Sdxl, "model.safetensors")]
    [InlineData(TinyFamily.Sdxl, "model.ckpt")]
    public void It_draws_the_same_to_the_last_bit(TinyFamily family, string name)
    {
        using DisposeScope scope = NewDisposeScope();
        string folder = WriteFolder(family), path = _temporary.File(name);
        Dictionary<string, Tensor> tensors = SmallSingleFile.Tensors(folder);
        if (name.EndsWith(".ckpt", StringComparison.Ordinal))
        {
            // As PyTorch Lightning writes it.
            TorchCheckpointWriter.Write(path, new Dictionary<string, IReadOnlyDictionary<string,
                Tensor>> { ["state_dict"] = tensors, ["optimizer_states"] = new Dictionary<string, Tensor> { ["exp_avg"] = ones(3) } });
            CheckpointSurgery.AddEntry(path, "callbacks", CheckpointSurgery.Value(new SamplePickle().Op("}")
                .Global("pytorch_lightning.callbacks.model_checkpoint", "ModelCheckpoint").Op("}").Text("best_model_path").Text("x").Op("ss")));
        }
        else
        {
            SafetensorsWriter.Write(path, tensors);
        }
        using PersonalizedModel fromFolder = PersonalizedModel.Load(folder), fromFile = PersonalizedModel.Load(path, Options(folder));
        Assert.Equal(path, fromFile.FolderPath);
        Assert.Equal(Draw(fromFolder), Draw(fromFile));
    }

    [Fact]
    public void Data_made_with_it_name_its_files()
    {
        using DisposeScope scope = NewDisposeScope();
        string folder = WriteFolder(TinyFamily.Sd15), path = _temporary.File("model.safetensors");
        SafetensorsWriter.Write(path, SmallSingleFile.Tensors(folder));
        using PersonalizedModel model = PersonalizedModel.Load(path, Options(folder));
        string[] files = [.. GeneratorIdentity.Of(model).Files.Select(f => f.File)];
        Assert.Equal(
            ["model.safetensors", "image encoder/config.json", "image encoder/model.safetensors", "tokenizer/merges.txt", "tokenizer/tokenizer_config.json",
                "tokenizer/vocab.json", "adapter layers in memory"], files);
    }

    [Fact]
    public void What_it_lacks_is_to_be_named()
    {
        using DisposeScope scope = NewDisposeScope();
        string folder = WriteFolder(TinyFamily.Sd15), path = _temporary.File("model.safetensors");
        SafetensorsWriter.Write(path, SmallSingleFile.Tensors(folder));
        PersonalizedModelOptions whole = Options(folder);
        foreach ((PersonalizedModelOptions options, string option) in new[]
        {
            (whole with { TokenizerPath = null }, "--tokenizer FOLDER"),
            (whole with { ImageEncoderPath = null }, "--image-encoder FOLDER"),
            (whole with { AdapterPath = null }, "--adapter FILE"),
        })
        {
            ArgumentException e = Assert.Throws<ArgumentException>(() => PersonalizedModel.Load(path, options));
            Assert.Contains(path, e.Message, StringComparison.Ordinal);
            Assert.Contains(option, e.Message, StringComparison.Ordinal);
        }
        LeakCheck.Run(() => Assert.Throws<ModelFileNotFoundException>(()
            => PersonalizedModel.Load(path, whole with { TokenizerPath = _temporary.File("none") })));
        Assert.Contains("index of a pipeline's folder", Assert.Throws<ModelConfigException>(
            () => PersonalizedModel.Load(Path.Combine(folder, "model_index.json"), whole)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_tensor_too_many_or_too_few_is_told_by_its_name()
    {
        using DisposeScope scope = NewDisposeScope();
        string folder = WriteFolder(TinyFamily.Sd15), path = _temporary.File("model.safetensors");
        Dictionary<string, Tensor> tensors = SmallSingleFile.Tensors(folder);
        tensors.Remove("model.diffusion_model.time_embed.0.bias");
        tensors["model.diffusion_model.input_blocks.99.0.in_layers.0.weight"] = ones(1);
        SafetensorsWriter.Write(path, tensors);
        StateDictMismatchException e = Assert.Throws<StateDictMismatchException>(() => PersonalizedModel.Load(path, Options(folder)));
        Assert.Equal("'time_embedding.linear_1.bias'", Assert.Single(e.MissingKeys));
        Assert.Equal("'model.diffusion_model.input_blocks.99.0.in_layers.0.weight'", Assert.Single(e.UnexpectedKeys));
    }

    // The published folder's second tokenizer pads with "!".
    private string WriteFolder(TinyFamily family)
    {
        string folder = TinyPersonalizedModel.Write(_temporary.File("folder"), family: family, sampler: family == TinyFamily.Sd15 ? "PNDMScheduler"
            : "EulerDiscreteScheduler");
        if (family == TinyFamily.Sdxl)
        {
            string path = Path.Combine(folder, "tokenizer_2", "tokenizer_config.json");
            JsonNode json = JsonNode.Parse(File.ReadAllText(path))!;
            json["pad_token"] = "!";
            File.WriteAllText(path, json.ToJsonString());
        }
        return folder;
    }

    private static PersonalizedModelOptions Options(string folder) => new()
    {
        AdapterPath = Path.Combine(folder, "ip_adapter.safetensors"),
        ImageEncoderPath = Path.Combine(folder, "image_encoder"),
        TokenizerPath = Path.Combine(folder, "tokenizer"),
        Layout = SmallSingleFile.Layout(folder),
    };

    private static byte[] Draw(PersonalizedModel model)
        => [.. model.Generate([new("a cat!", [TinyPersonalizedModel.Image(1)]), new("a dog", [TinyPersonalizedModel.Image(2)])],
            new GenerationOptions { Steps = 2 }).SelectMany(i => i.Pixels)];
}
