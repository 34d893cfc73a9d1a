using PatchDpo.Tests;
using PatchDpo.Torch.Diffusion.Blocks;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Loop;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.Pairs;
using PatchDpo.Torch.PatchQuality;
using PatchDpo.Torch.Personalization;
using PatchDpo.Torch.Training;
using PatchDpo.Torch.Training.Objectives;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Personalization;

/// <summary>A part whose weights are damaged is named with its file, wherever its numbers are used: never a picture of nothing.</summary>
public sealed class NonFinitePartTests : IDisposable
{
    private static readonly GenerationOptions Quick = new() { Steps = 2, BatchSize = 2 };

    private readonly TemporaryFolder _temporary = new();

    public void Dispose() => _temporary.Dispose();

    public static TheoryData<TinyFamily, string, string, float, string> Parts
    {
        get
        {
            TheoryData<TinyFamily, string, string, float, string> parts = [];
            foreach (float value in new[] { float.NaN, float.PositiveInfinity, float.NegativeInfinity, 3e38f })
            {
                parts.Add(TinyFamily.Sd15, "vae", "decoder.conv_in.weight", value, "The autoencoder");
                parts.Add(TinyFamily.Sd15, "vae", "decoder.conv_out.bias", value, "The autoencoder");
                parts.Add(TinyFamily.Sd15, "text_encoder", "text_model.final_layer_norm.weight", value, "The text encoder");
                parts.Add(TinyFamily.Sdxl, "text_encoder", "text_model.encoder.layers.0.mlp.fc2.bias", value, "The text encoder");
                parts.Add(TinyFamily.Sdxl, "text_encoder_2", "text_projection.weight", value, "The text encoder");
                parts.Add(TinyFamily.Sdxl, "image_encoder", "vision_model.pre_layrnorm.bias", value, "The image encoder");
                parts.Add(TinyFamily.Sdxl, "", "image_proj.norm_out.bias", value, "The adapter's image projection");
                parts.Add(TinyFamily.Sd15, "", "ip_adapter.1.to_v_ip.weight", value, "The adapter");
                parts.Add(TinyFamily.Sd15, "unet", "conv_out.bias", value, "The network");
            }
            return parts;
        }
    }

    [Theory]
    [MemberData(nameof(Parts))]
    public void Generation_names_the_part_its_file_and_the_request(TinyFamily family, string part, string key, float value, string name)
    {
        string folder = Write(family), file = Damage(folder, part, key, value);
        using PersonalizedModel model = PersonalizedModel.Load(folder);
        GenerationRequest request = new("a cat", [TinyPersonalizedModel.Image(1)]);
        NonFiniteOutputException e = Assert.ThrowsAny<NonFiniteOutputException>(() => model.Generate([request, request, request], Quick));
        Assert.Equal((name, file), (e.Part, e.WeightsPath));
        Assert.Contains(file, e.Message, StringComparison.Ordinal);
        Assert.True(e.Item is "the negative prompt" or "request 0" or "a reference of request 0" or "reference 0", e.Item);
    }

    [Theory]
    [MemberData(nameof(Parts))]
    public void Training_names_the_part_its_file_and_the_pair(TinyFamily family, string part, string key, float value, string name)
    {
        string folder = Write(family);
        // The other half of the autoencoder.
        string file = Damage(folder, part, key.Replace("decoder", "encoder", StringComparison.Ordinal), value);
        using PersonalizedModel model = PersonalizedModel.Load(folder);
        TrainingPair Pair(int n) => new("a cat", TinyPersonalizedModel.Image(n), TinyPersonalizedModel.Image(n + 1), Map, Map);
        PatchDpoTrainer trainer = new(model, new PatchDpoTrainerOptions { MaxSteps = 1, Objective = TrainingObjective.Reconstruction });
        Exception e = Assert.ThrowsAny<Exception>(() => trainer.Train([Pair(1), Pair(2)]));
        Assert.Contains(file, e.Message, StringComparison.Ordinal);
        if (name is "The network" or "The adapter")
            Assert.IsType<NonFiniteLossException>(e);
        else
            Assert.Contains("pair 0", Assert.IsType<NonFiniteOutputException>(e).Item, StringComparison.Ordinal);
        Assert.Contains(name, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_another_backward_pass_failed_with_is_no_cause_of_this_training()
    {
        string folder = Write(TinyFamily.Sd15), file = Damage(folder, "", "ip_adapter.1.to_v_ip.weight", float.PositiveInfinity);
        using (NewDisposeScope())
        {
            int calls = 0;
            Recomputed.Apply(x => calls++ > 0 ? throw new InvalidOperationException("another's") : x.neg(), ones(2).requires_grad_()).sum().backward();
            Assert.Equal(2, calls);
        }
        using PersonalizedModel model = PersonalizedModel.Load(folder);
        TrainingPair pair = new("a cat", TinyPersonalizedModel.Image(1), TinyPersonalizedModel.Image(2), Map, Map);
        NonFiniteLossException e = Assert.Throws<NonFiniteLossException>(() => new PatchDpoTrainer(model, new() { MaxSteps = 1 }).Train([pair]));
        Assert.Contains(file, e.Message, StringComparison.Ordinal);
    }

    private static QualityMap Map { get; } = new(1, 1, [0.5f]);

    [Fact]
    public void A_single_bad_request_is_named_by_its_place()
    {
        using PersonalizedModel model = PersonalizedModel.Load(Write(TinyFamily.Sd15));
        using DisposeScope scope = NewDisposeScope();
        Tensor latents = zeros(3, 4, 8, 8);
        latents[2, 0, 0, 0] = float.NaN;
        NonFiniteOutputException e = Assert.Throws<NonFiniteOutputException>(() => model.DecodeLatents(latents));
        Assert.Equal((2, "image 2"), (e.Index, e.Item));
    }

    [Fact]
    public void Sound_weights_pass_and_nothing_is_left_behind()
    {
        using PersonalizedModel model = PersonalizedModel.Load(Write(TinyFamily.Sd15));
        GenerationRequest request = new("a cat", [TinyPersonalizedModel.Image(1)]);
        LeakCheck.Run(() => Assert.Equal(3, model.Generate([request, request, request], Quick).Count));
    }

    [Fact]
    public void A_float16_part_that_overflows_is_told_of_other_types()
        => Assert.Contains("bfloat16", new NonFiniteOutputException("The image encoder", null, "features", "image 0", 0, ScalarType.Float16).Message,
            StringComparison.Ordinal);

    private string Write(TinyFamily family)
        => TinyPersonalizedModel.Write(_temporary.File("model"), family: family, adapter: family == TinyFamily.Sd15 ? TinyAdapter.Linear : TinyAdapter.Plus);

    private static string Damage(string folder, string part, string key, float value)
    {
        string path = part.Length == 0 ? Path.Combine(folder, "ip_adapter.safetensors") : ModelFolder.RequireFile(Path.Combine(folder, part));
        DamagedFile.Fill(path, key, value);
        return path;
    }
}
