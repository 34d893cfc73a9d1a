using System.Text.Json.Nodes;
using PatchDpo.Tests;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.Personalization;
using PatchDpo.Torch.Weights;

namespace PatchDpo.Torch.Tests.Models;

/// <summary>Folders whose parts are missing or do not fit one another.</summary>
public sealed class ModelFolderFaultTests : IDisposable
{
    private readonly TemporaryFolder _temporary = new();

    public void Dispose() => _temporary.Dispose();

    [Theory]
    [InlineData("model_index.json")]
    [InlineData("ip_adapter.safetensors")]
    [InlineData("unet/config.json")]
    [InlineData("unet/diffusion_pytorch_model.safetensors")]
    [InlineData("vae/config.json")]
    [InlineData("text_encoder/model.safetensors")]
    [InlineData("tokenizer/merges.txt")]
    [InlineData("image_encoder/config.json")]
    [InlineData("image_encoder/model.safetensors")]
    public void A_missing_file_of_Stable_Diffusion_15_is_named(string file)
    {
        string folder = Write(TinyFamily.Sd15);
        File.Delete(Path.Combine(folder, file));
        ModelFileNotFoundException e = Assert.Throws<ModelFileNotFoundException>(() => PersonalizedModel.Load(folder));
        Assert.Contains(Path.GetFileName(file), e.Candidates);
        Assert.Equal(Path.GetDirectoryName(Path.Combine(folder, file)), e.Folder);
    }

    [Fact]
    public void A_missing_adapter_is_named()
        => Assert.Equal("none.bin", Assert.Throws<FileNotFoundException>(() => PersonalizedModel.Load(Write(TinyFamily.Sd15), "none.bin")).FileName);

    [Theory]
    [InlineData(TinyFamily.Sd15, "model_index.json", "_class_name", "\"FluxPipeline\"", "StableDiffusionXLPipeline")]
    [InlineData(TinyFamily.Sdxl, "model_index.json", "_class_name", "\"StableDiffusionPipeline\"", "the text encoders give 12", "unet/config.json",
        "cross_attention_dim")]
    [InlineData(TinyFamily.Sd15, "tokenizer/tokenizer_config.json", "model_max_length", "17", "positions")]
    [InlineData(TinyFamily.Sdxl, "tokenizer_2/tokenizer_config.json", "model_max_length", "15", "first tokenizer's 16")]
    [InlineData(TinyFamily.Sd15, "unet/config.json", "sample_size", "null", "missing")]
    public void Parts_that_do_not_fit_name_file_and_field(TinyFamily family, string file, string field, string value, string reason, string? blamed = null,
        string? blamedField = null)
    {
        string folder = Write(family);
        Set(folder, file, field, value);
        ModelConfigException e = Assert.Throws<ModelConfigException>(() => PersonalizedModel.Load(folder));
        Assert.Equal((Path.Combine(folder, blamed ?? file), blamedField ?? field), (e.Path, e.Field));
        Assert.Contains(reason, e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(TinyFamily.Sd15, "addition_embed_type", "without pooled text")]
    [InlineData(TinyFamily.Sd15, "in_channels", "5 channels in and 4 out")]
    [InlineData(TinyFamily.Sdxl, "projection_class_embeddings_input_dim", "57 is not 58")]
    public void A_network_of_another_kind_is_refused(TinyFamily family, string field, string reason)
    {
        string folder = Write(family);
        (string Field, string Value)[] changes = field switch
        {
            "addition_embed_type" => [(field, "\"text_time\""), ("addition_time_embed_dim", "8"), ("projection_class_embeddings_input_dim", "58")],
            "in_channels" => [(field, "5")],
            _ => [(field, "57")],
        };
        foreach ((string name, string value) in changes)
            Set(folder, "unet/config.json", name, value);
        TinyPersonalizedModel.RewriteUNet(folder);
        ModelConfigException e = Assert.Throws<ModelConfigException>(() => PersonalizedModel.Load(folder));
        Assert.Equal(field, e.Field);
        Assert.Contains(reason, e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(TinyAdapter.Linear, "projection_dim", 10)]
    [InlineData(TinyAdapter.Plus, "hidden_size", 16)]
    [InlineData(TinyAdapter.Full, "hidden_size", 16)]
    public void An_adapter_for_another_image_encoder_is_refused(TinyAdapter adapter, string field, int width)
    {
        string folder = Write(TinyFamily.Sd15, adapter);
        TinyPersonalizedModel.WriteVision(folder, width: 24, projection: 14);
        ModelConfigException e = Assert.Throws<ModelConfigException>(() => PersonalizedModel.Load(folder));
        Assert.Equal((Path.Combine(folder, "image_encoder", "config.json"), field), (e.Path, e.Field));
        Assert.Contains($"takes image features of width {width}", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_plain_adapter_needs_an_image_encoder_with_a_projection()
    {
        string folder = Write(TinyFamily.Sd15, TinyAdapter.Linear);
        TinyPersonalizedModel.WriteVision(folder, projection: null);
        Assert.Contains("has no projection", Assert.Throws<ModelConfigException>(() => PersonalizedModel.Load(folder)).Message, StringComparison.Ordinal);
        string plus = TinyPersonalizedModel.Write(_temporary.File("plus"), family: TinyFamily.Sd15);
        TinyPersonalizedModel.WriteVision(plus, projection: null);
        PersonalizedModel.Load(plus).Dispose();
    }

    private string Write(TinyFamily family, TinyAdapter adapter = TinyAdapter.Plus)
        => TinyPersonalizedModel.Write(_temporary.File("model"), family: family, adapter: adapter);

    private static void Set(string folder, string file, string field, string value)
    {
        string path = Path.Combine(folder, file);
        JsonNode json = JsonNode.Parse(File.ReadAllText(path))!;
        json[field] = JsonNode.Parse(value);
        File.WriteAllText(path, json.ToJsonString());
    }
}
