using System.Text.Json;
using PatchDpo.Torch.Clip;
using PatchDpo.Torch.Diffusion.Vae;
using PatchDpo.Torch.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Benchmarks.FullSize;

/// <summary>A whole SDXL pipeline with IP-Adapter-Plus of random float16 weights, in the folder layout of a real one.</summary>
/// <param name="folder">The folder.</param>
internal sealed class RandomPipeline(string folder)
{
    private static readonly string[] SpecialTokens = ["<|startoftext|>", "<|endoftext|>"];

    /// <summary>Writes the folder.</summary>
    /// <returns>The number of weights.</returns>
    /// <exception cref="IOException">The disk has too little room.</exception>
    public long Write(PipelineScale scale)
    {
        using DisposeScope scope = NewDisposeScope();
        long weights = new RandomModel(folder).Write(scale.Network);
        WriteJson("", "model_index.json", new { _class_name = "StableDiffusionXLPipeline", _diffusers_version = "0.23.1" });
        WriteJson("scheduler", "scheduler_config.json", new
        {
            _class_name = "EulerDiscreteScheduler",
            beta_start = 0.00085,
            beta_end = 0.012,
            beta_schedule = "scaled_linear",
            num_train_timesteps = 1000,
            prediction_type = "epsilon",
            timestep_spacing = "leading",
            steps_offset = 1,
        });
        weights += WritePart("text_encoder", scale.FirstText, json => new ClipTextEncoder(ClipTextConfig.FromJson(json) with { ProjectionDim = null }, META));
        weights += WritePart("text_encoder_2", scale.SecondText, json => new ClipTextEncoder(ClipTextConfig.FromJson(json), META));
        weights += WritePart("image_encoder", scale.Vision, json => new ClipVisionEncoder(ClipVisionConfig.FromJson(json), META));
        weights += WritePart("vae", scale.Vae, json => new AutoencoderKL(VaeConfig.FromJson(json), META));
        WriteTokenizer("tokenizer", scale.Vocabulary);
        WriteTokenizer("tokenizer_2", scale.Vocabulary);
        return weights;
    }

    private long WritePart(string part, object config, Func<ModelConfig, nn.Module> create)
    {
        using DisposeScope scope = NewDisposeScope();
        using nn.Module module = create(ModelConfig.Read(WriteJson(part, "config.json", config)));
        string file = Path.Combine(folder, part, part == "vae" ? "diffusion_pytorch_model.safetensors" : "model.safetensors");
        return RandomModel.WriteFile(file, module.state_dict());
    }

    // Bytes alone, without merges, and words that no prompt has up to the vocabulary's size.
    private void WriteTokenizer(string part, int size)
    {
        string[] characters = [.. ByteCharacters()];
        string[] tokens = [.. characters, .. characters.Select(c => c + "</w>")];
        IEnumerable<string> all = tokens.Concat(Enumerable.Range(0, size - tokens.Length - SpecialTokens.Length).Select(i => $"unused{i}")).Concat(SpecialTokens);
        WriteJson(part, "vocab.json", all.Index().ToDictionary(t => t.Item, t => t.Index));
        File.WriteAllText(Path.Combine(folder, part, "merges.txt"), "#version: 0.2\n");
        WriteJson(part, "tokenizer_config.json", new { model_max_length = 77, bos_token = SpecialTokens[0], eos_token = SpecialTokens[1],
            pad_token = SpecialTokens[1], unk_token = SpecialTokens[1] });
    }

    // GPT-2's printable character for each byte.
    private static IEnumerable<string> ByteCharacters()
    {
        int next = 256;
        for (int b = 0; b < 256; b++)
        {
            bool printable = b is (>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or (>= 0xAE and <= 0xFF);
            yield return ((char)(printable ? b : next++)).ToString();
        }
    }

    private string WriteJson(string part, string name, object value)
    {
        string path = Path.Combine(Directory.CreateDirectory(Path.Combine(folder, part)).FullName, name);
        File.WriteAllText(path, JsonSerializer.Serialize(value));
        return path;
    }
}
