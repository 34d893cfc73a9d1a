using System.Globalization;
using System.Text.Json;
using PatchDpo.Tests;
using PatchDpo.Torch.Adapters.IpAdapter;
using PatchDpo.Torch.Diffusion.UNet;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.Weights;
using PatchDpo.Torch.Weights.Pickle;
using PatchDpo.Torch.Weights.Safetensors;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Adapters.IpAdapter;

/// <summary>What people give as an adapter: training checkpoints, which load, and other things, which are named.</summary>
public sealed class IpAdapterSourceTests : IDisposable
{
    // Stable Diffusion 1.5's and SDXL's UNet are told by the text's width alone.
    private static readonly UNetConfig Config = Unet(768);

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>Where accelerate and PyTorch put the adapter's tensors.</summary>
    public static TheoryData<string, TinyAdapter> Layouts()
    {
        var data = new TheoryData<string, TinyAdapter>();
        foreach (string layout in new[] { "scripts", "module.", "_orig_mod.", "module._orig_mod.", "state_dict.module.", "DDP inside", "processors only",
            "official module." })
            foreach (TinyAdapter adapter in Enum.GetValues<TinyAdapter>())
                data.Add(layout, adapter);
        return data;
    }

    [Theory]
    [MemberData(nameof(Layouts))]
    public void A_training_checkpoint_of_IP_Adapters_scripts_is_the_adapter_in_it(string layout, TinyAdapter adapter)
    {
        using DisposeScope scope = NewDisposeScope();
        Dictionary<string, Tensor> official = Official(adapter);
        string path = _folder.File("model.safetensors");
        SafetensorsWriter.Write(path, layout switch
        {
            "scripts" => Training(official),
            "DDP inside" => Training(official).ToDictionary(t => t.Key.Replace("image_proj_model.", "image_proj_model.module.", StringComparison.Ordinal), t
                => t.Value),
            "processors only" => Training(official).Where(t => !t.Key.StartsWith("adapter_modules.", StringComparison.Ordinal)).ToDictionary(),
            "official module." => official.ToDictionary(t => "module." + t.Key, t => t.Value),
            _ => Training(official).ToDictionary(t => layout + t.Key, t => t.Value),
        });
        AssertReads(official, path);
    }

    [Fact]
    public void Such_a_checkpoint_of_torch_save_is_read_too()
    {
        using DisposeScope scope = NewDisposeScope();
        Dictionary<string, Tensor> official = Official(TinyAdapter.Linear);
        string path = _folder.File("pytorch_model.bin");
        TorchCheckpointWriter.Write(path, Training(official));
        AssertReads(official, path);
    }

    [Theory]
    [InlineData("sd15_unet", "ip-adapter_sd15")]
    [InlineData("sdxl_unet", "ip-adapter_sdxl")]
    public void The_processors_names_of_the_published_UNets_give_the_official_numbers(string unet, string adapter)
    {
        using DisposeScope scope = NewDisposeScope();
        using JsonDocument index = JsonDocument.Parse(File.ReadAllText(Fixtures.Path("12_manifests", "index.json")));
        JsonElement modules = index.RootElement.GetProperty("models").EnumerateArray().Single(m => m.GetProperty("name").GetString() == adapter)
            .GetProperty("module_of_index");
        Dictionary<string, Tensor> tensors = Manifest.Read(unet).Keys.ToDictionary(k => "unet." + k, _ => zeros(1));
        tensors["image_proj_model.norm.weight"] = zeros(1);
        // In the file's order as safetensors has it, which sorts by name.
        foreach (JsonProperty module in modules.EnumerateObject())
            tensors[$"unet.{module.Value.GetString()}.to_k_ip.weight"] = tensor(long.Parse(module.Name, CultureInfo.InvariantCulture));
        string path = _folder.File("model.safetensors");
        SafetensorsWriter.Write(path, tensors.OrderBy(t => t.Key, StringComparer.Ordinal).ToDictionary());
        using ITensorFile wrapped = IpAdapterKeyMap.Wrap(WeightsFile.Open(path));
        string[] layers = [.. wrapped.Keys.Where(k => k.StartsWith("ip_adapter.", StringComparison.Ordinal))];
        Assert.Equal(modules.EnumerateObject().Count(), layers.Length);
        foreach (string key in layers)
            Assert.Equal(key.Split('.')[1], wrapped.Read(key).item<long>().ToString(CultureInfo.InvariantCulture));
    }

    [Theory]
    [InlineData("lora_unet_down_blocks_0_attentions_0_proj_in.lora_down.weight", "a LoRA")]
    [InlineData("unet.down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q.lora_A.weight", "a LoRA")]
    [InlineData("down_blocks.0.attentions.0.transformer_blocks.0.attn1.processor.to_k_lora.down.weight", "a LoRA")]
    [InlineData("base_model.model.down_blocks.0.attn.to_q.lora_B.default.weight", "a LoRA")]
    [InlineData("unet.mid_block.attn1.to_k.lora_linear_layer.up.weight", "a LoRA")]
    [InlineData("lora_unet_mid_block.hada_w1_a", "a LoRA")]
    [InlineData("down_blocks.0.resnets.0.conv1.weight", "a UNet under diffusers' names")]
    [InlineData("model.diffusion_model.input_blocks.0.0.weight", "a UNet alone, under Stability AI's names")]
    [InlineData("first_stage_model.decoder.conv_in.weight", "a whole Stable Diffusion model in one file")]
    [InlineData("decoder.conv_in.weight", "an autoencoder")]
    [InlineData("controlnet_cond_embedding.conv_in.weight", "a ControlNet")]
    [InlineData("double_blocks.0.processor.ip_adapter_double_stream_k_proj.weight", "an IP-Adapter for FLUX")]
    [InlineData("vision_model.embeddings.class_embedding", "CLIP's image encoder")]
    [InlineData("emb_params", "a textual inversion")]
    [InlineData("some.other.weight", "1 tensors such as 'some.other.weight'")]
    public void What_is_no_adapter_is_named_with_what_to_give(string key, string what)
    {
        UnknownModelException e = Refused<UnknownModelException>(new() { [key] = ones(2, 2) });
        Assert.Contains(what, e.Message, StringComparison.Ordinal);
        Assert.Contains("an IP-Adapter has keys 'image_proj.…' and 'ip_adapter.…'", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("ip_adapter.0.to_k_lora.down.weight", 4, 4)]
    [InlineData("image_proj.perceiver_resampler.proj_in.weight", 4, 4)]
    [InlineData("image_proj.proj.0.weight", 1024, 512)]
    [InlineData("image_proj.proj_in.weight", 1280, 512)]
    public void An_adapter_for_faces_is_named(string key, int rows, int columns)
    {
        Dictionary<string, Tensor> tensors = Official(TinyAdapter.Linear);
        tensors[key] = zeros(rows, columns);
        Assert.Contains("FaceID", Refused<UnknownModelException>(tensors).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(2048, "the adapter is for SDXL (text of width 2048), the model is Stable Diffusion 1.5")]
    [InlineData(1024, "the adapter is for Stable Diffusion 2")]
    [InlineData(40, "the adapter is for a network with text of width 40")]
    public void An_adapter_of_another_family_is_named(int width, string reason)
    {
        StateDictMismatchException e = Refused<StateDictMismatchException>(Official(TinyAdapter.Plus, Unet(width)));
        Assert.Contains(reason, e.Message, StringComparison.Ordinal);
        Assert.InRange(e.Message.Split('\n').Length, 1, 3);
    }

    [Theory]
    [InlineData("image_proj", "image projection")]
    [InlineData("ip_adapter", "attention layers")]
    public void An_empty_part_is_named(string part, string meaning)
    {
        using DisposeScope scope = NewDisposeScope();
        Dictionary<string, Tensor> official = Official(TinyAdapter.Linear);
        string path = _folder.File("ip_adapter.bin");
        TorchCheckpointWriter.Write(path, new[] { "image_proj", "ip_adapter" }.ToDictionary(p => p, p => (IReadOnlyDictionary<string, Tensor>)official
            .Where(t => p != part && t.Key.StartsWith(p + ".", StringComparison.Ordinal)).ToDictionary(t => t.Key[(p.Length + 1)..], t => t.Value)));
        WeightsFormatException e = Assert.Throws<WeightsFormatException>(() => IpAdapterFile.Read(path, Config));
        Assert.Equal(part, e.Key);
        Assert.Contains($"the adapter's {meaning} has no tensor in the file", e.Message, StringComparison.Ordinal);
    }

    private static UNetConfig Unet(int width) => new()
    {
        DownBlockTypes = ["CrossAttnDownBlock2D", "DownBlock2D"],
        UpBlockTypes = ["UpBlock2D", "CrossAttnUpBlock2D"],
        BlockOutChannels = [8, 16],
        LayersPerBlock = [1, 1],
        TransformerLayers = [1, 1],
        AttentionHeads = [2, 2],
        NormGroups = 4,
        CrossAttentionDims = [width, width],
    };

    private Dictionary<string, Tensor> Official(TinyAdapter adapter, UNetConfig? unet = null)
    {
        string path = _folder.File("official.safetensors");
        TinyPersonalizedModel.WriteAdapter(path, unet ?? Config, adapter);
        using SafetensorsFile file = SafetensorsFile.Open(path);
        return file.ReadAll().ToDictionary();
    }

    // The scripts' module: the adapter's layers once by number and once within the UNet, and the UNet itself.
    private static Dictionary<string, Tensor> Training(Dictionary<string, Tensor> official)
    {
        string[] processors =
        [
            "down_blocks.0.attentions.0", "up_blocks.1.attentions.0", "up_blocks.1.attentions.1", "mid_block.attentions.0",
        ];
        Dictionary<string, Tensor> training = new() { ["unet.conv_in.weight"] = ones(8, 4, 3, 3),
            ["unet.mid_block.attentions.0.transformer_blocks.0.attn1.to_q.weight"] = ones(16, 16) };
        foreach ((string key, Tensor value) in official)
        {
            training[key.Replace("image_proj.", "image_proj_model.", StringComparison.Ordinal)
                .Replace("ip_adapter.", "adapter_modules.", StringComparison.Ordinal)] = value;
            if (key.Split('.') is ["ip_adapter", string number, .. string[] rest])
                training[$"unet.{processors[int.Parse(number, CultureInfo.InvariantCulture) / 2]}.transformer_blocks.0.attn2.processor.{string.Join('.', rest)}"] = value;
        }
        return training;
    }

    private static void AssertReads(Dictionary<string, Tensor> official, string path)
    {
        using IpAdapterModel read = IpAdapterFile.Read(path, Config, headChannels: 8);
        Dictionary<string, Tensor> layers = read.Layers.state_dict(), projection = read.Projection.state_dict();
        Assert.Equal(official.Count, layers.Count + projection.Count);
        foreach ((string key, Tensor value) in official)
        {
            string name = key[(key.IndexOf('.', StringComparison.Ordinal) + 1)..];
            Assert.True(value.equal(key.StartsWith("ip_adapter.", StringComparison.Ordinal) ? layers[name] : projection[name]).all().item<bool>(), key);
        }
    }

    private T Refused<T>(Dictionary<string, Tensor> tensors)
        where T : Exception
    {
        using DisposeScope scope = NewDisposeScope();
        string path = _folder.File("adapter.safetensors");
        SafetensorsWriter.Write(path, tensors);
        T e = Assert.Throws<T>(() => IpAdapterFile.Read(path, Config, headChannels: 8));
        Assert.Contains(path, e.Message, StringComparison.Ordinal);
        return e;
    }
}
