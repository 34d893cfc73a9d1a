using System.Text.Json;
using PatchDpo.Torch.Clip;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.Vision.Dino;
using PatchDpo.Torch.Weights.Safetensors;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Tests;

/// <summary>Folders of tiny models with random weights, in one temporary folder that is removed when disposed.</summary>
public sealed class TinyModels : IDisposable
{
    public TinyModels()
    {
        Root = Directory.CreateTempSubdirectory("patchdpo-models-").FullName;
        Generator = TinyPersonalizedModel.Write(Path.Combine(Root, "generator"));
        Clip = Path.Combine(Generator, "image_encoder");
        Text = Path.Combine(Root, "text");
        CopyFiles(Path.Combine(Generator, "text_encoder_2"), Text);
        CopyFiles(Path.Combine(Generator, "tokenizer_2"), Text);
        FullClip = WriteClip(Path.Combine(Root, "clip"), Path.Combine(Generator, "tokenizer_2"));
        Dino = WriteDino(Path.Combine(Root, "dino"), seed: 3);
    }

    public string Root { get; }

    public string Generator { get; }

    /// <summary>A CLIP vision encoder with a projection to 10 values.</summary>
    public string Clip { get; }

    /// <summary>A CLIP text encoder with a projection to 10 values.</summary>
    public string Text { get; }

    /// <summary>Both towers of a CLIP model, with its tokenizer.</summary>
    public string FullClip { get; }

    /// <summary>A DINO encoder of 24 values with a grid of 4 x 4 patches.</summary>
    public string Dino { get; }

    public static string WriteDino(string folder, long seed)
    {
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, "config.json"), JsonSerializer.Serialize(new
        {
            model_type = "vit",
            hidden_size = 24,
            num_hidden_layers = 2,
            num_attention_heads = 2,
            intermediate_size = 48,
            image_size = 32,
            patch_size = 8,
            layer_norm_eps = 1e-6,
        }));
        using DisposeScope scope = NewDisposeScope();
        random.manual_seed(seed);
        using var model = new DinoVisionTransformer(new DinoConfig { ImageSize = 32, PatchSize = 8, EmbedDim = 24, Depth = 2, NumHeads = 2,
            IntermediateSize = 48 });
        SafetensorsWriter.Write(Path.Combine(folder, "model.safetensors"), model.state_dict());
        return folder;
    }

    private static string WriteClip(string folder, string tokenizer)
    {
        CopyFiles(tokenizer, folder);
        File.WriteAllText(Path.Combine(folder, "config.json"), JsonSerializer.Serialize(new
        {
            model_type = "clip",
            projection_dim = 8,
            text_config = new { hidden_size = 12, intermediate_size = 24, num_hidden_layers = 1, num_attention_heads = 2, vocab_size = 514,
                max_position_embeddings = 16, eos_token_id = 513 },
            vision_config = new { hidden_size = 16, intermediate_size = 32, num_hidden_layers = 1, num_attention_heads = 2, image_size = 32, patch_size = 16 },
        }));
        ModelConfig config = ModelConfig.Read(Path.Combine(folder, "config.json"));
        using DisposeScope scope = NewDisposeScope();
        random.manual_seed(5);
        using var model = new ClipModel(ClipTextConfig.FromJson(config), ClipVisionConfig.FromJson(config), ClipTokenizer.FromFolder(folder));
        SafetensorsWriter.Write(Path.Combine(folder, "model.safetensors"), model.state_dict());
        return folder;
    }

    public static void CopyFiles(string from, string to)
    {
        Directory.CreateDirectory(to);
        foreach (string file in Directory.EnumerateFiles(from, "*", SearchOption.AllDirectories))
        {
            string target = Path.Combine(to, Path.GetRelativePath(from, file));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(file, target);
        }
    }

    public void Dispose() => Directory.Delete(Root, recursive: true);
}
