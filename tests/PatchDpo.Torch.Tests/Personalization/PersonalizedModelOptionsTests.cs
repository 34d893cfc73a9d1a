using PatchDpo.Tests;
using PatchDpo.Torch.Diffusion.Samplers;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.Personalization;
using PatchDpo.Torch.Weights;
using PatchDpo.Torch.Weights.Safetensors;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Personalization;

/// <summary>Parts that lie elsewhere, and the sampler that is chosen when a model is loaded.</summary>
public sealed class PersonalizedModelOptionsTests : IDisposable
{
    private readonly TemporaryFolder _temporary = new();

    public void Dispose() => _temporary.Dispose();

    [Fact]
    public void Image_encoder_tokenizer_and_adapter_may_lie_elsewhere()
    {
        string folder = TinyPersonalizedModel.Write(_temporary.File("model"), family: TinyFamily.Sd15);
        byte[] expected = Draw(folder, new());
        foreach (string part in new[] { "image_encoder", "tokenizer", "ip_adapter.safetensors" })
            Directory.Move(Path.Combine(folder, part), _temporary.File(part));
        PersonalizedModelOptions options = new()
        {
            AdapterPath = _temporary.File("ip_adapter.safetensors"),
            ImageEncoderPath = _temporary.File("image_encoder"),
            TokenizerPath = _temporary.File("tokenizer"),
        };
        Assert.Equal(expected, Draw(folder, options));
        Assert.Equal(_temporary.File("image_encoder"), Assert.Throws<ModelFileNotFoundException>(
            () => Draw(folder, options with { ImageEncoderPath = _temporary.File("image_encoder") + "/none" })).Folder[..^5]);
        ModelFileNotFoundException e = Assert.Throws<ModelFileNotFoundException>(() => Draw(folder, options with { ImageEncoderPath = null }));
        Assert.Equal(Path.Combine(folder, "image_encoder"), e.Folder);
        Assert.Contains("--image-encoder FOLDER", e.Message, StringComparison.Ordinal);
        Assert.Contains("--adapter FILE", Assert.Throws<ModelFileNotFoundException>(() => Draw(folder, options with { AdapterPath = null })).Message,
            StringComparison.Ordinal);
        Assert.Contains("is a file, not a model's folder", Assert.Throws<ModelFileNotFoundException>(
            () => Draw(folder, options with { ImageEncoderPath = options.AdapterPath })).Message, StringComparison.Ordinal);
        Assert.Contains("this is a folder", Assert.Throws<WeightsFormatException>(
            () => Draw(folder, options with { AdapterPath = _temporary.File("tokenizer") })).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Another_image_encoder_that_does_not_fit_is_named_where_it_lies()
    {
        string folder = TinyPersonalizedModel.Write(_temporary.File("model"), family: TinyFamily.Sd15), other = _temporary.File("other");
        TinyPersonalizedModel.WriteVision(other, width: 24);
        ModelConfigException e = Assert.Throws<ModelConfigException>(() => Draw(folder, new() { ImageEncoderPath = Path.Combine(other, "image_encoder") }));
        Assert.Equal(Path.Combine(other, "image_encoder", "config.json"), e.Path);
    }

    [Fact]
    public void A_chosen_sampler_stands_for_a_class_that_this_library_lacks()
    {
        string folder = TinyPersonalizedModel.Write(_temporary.File("model"), family: TinyFamily.Sd15, sampler: "ScoreSdeVpScheduler");
        string own = TinyPersonalizedModel.Write(_temporary.File("own"), family: TinyFamily.Sd15, sampler: "EulerDiscreteScheduler");
        Assert.Equal(Draw(own, new()), Draw(folder, new() { Sampler = SamplerKind.Euler, RequiresSampler = true }));
    }

    [Fact]
    public void A_sampler_that_is_required_and_not_known_is_told_before_weights_are_read()
    {
        string folder = TinyPersonalizedModel.Write(_temporary.File("model"), family: TinyFamily.Sd15, sampler: "ScoreSdeVpScheduler");
        // What would be an error as soon as weights are read.
        File.WriteAllText(Path.Combine(folder, "text_encoder", "model.safetensors"), "no weights");
        ModelConfigException e = Assert.Throws<ModelConfigException>(() => Draw(folder, new() { RequiresSampler = true }));
        Assert.Equal("_class_name", e.Field);
        Assert.Contains("ScoreSdeVpScheduler", e.Message, StringComparison.Ordinal);
        Assert.All(SamplerKinds.Names, n => Assert.Contains(n, e.Message, StringComparison.Ordinal));
        Assert.Throws<WeightsFormatException>(() => Draw(folder, new() { RequiresSampler = true, Sampler = SamplerKind.Ddim }));
    }

    [Fact]
    public void An_adapter_of_another_kind_is_told_before_weights_are_read()
    {
        string folder = TinyPersonalizedModel.Write(_temporary.File("model"), family: TinyFamily.Sd15), lora = _temporary.File("lora.safetensors");
        File.WriteAllText(Path.Combine(folder, "text_encoder", "model.safetensors"), "no weights");
        using Tensor weight = ones(2, 2);
        SafetensorsWriter.Write(lora, new Dictionary<string, Tensor> { ["lora_unet_mid_block.lora_up.weight"] = weight });
        Assert.Contains("a LoRA", Assert.Throws<UnknownModelException>(() => Draw(folder, new() { AdapterPath = lora })).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Types_that_weights_cannot_have_are_refused_when_set()
        => Assert.Equal(nameof(PersonalizedModelOptions.DType), Assert.Throws<ArgumentException>(
            () => new PersonalizedModelOptions { DType = ScalarType.Int64 }).ParamName);

    private static byte[] Draw(string path, PersonalizedModelOptions options)
    {
        using PersonalizedModel model = PersonalizedModel.Load(path, options);
        return model.Generate([new("a cat", [TinyPersonalizedModel.Image(1)])], new GenerationOptions { Steps = 2 })[0].Pixels;
    }
}
