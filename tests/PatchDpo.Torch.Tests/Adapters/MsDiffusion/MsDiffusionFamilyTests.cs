using System.Runtime.InteropServices;
using PatchDpo.Tests;
using PatchDpo.Torch.Adapters;
using PatchDpo.Torch.Adapters.IpAdapter;
using PatchDpo.Torch.Adapters.MsDiffusion;
using PatchDpo.Torch.Diffusion;
using PatchDpo.Torch.Diffusion.UNet;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.Pairs;
using PatchDpo.Torch.Personalization;
using PatchDpo.Torch.Training;
using PatchDpo.Torch.Training.Data;
using PatchDpo.Torch.Weights;
using PatchDpo.Torch.Weights.Safetensors;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Adapters.MsDiffusion;

/// <summary>MS-Diffusion through the public interface: generation with boxes and without, training, saving and what is wrong with files and references.</summary>
public sealed class MsDiffusionFamilyTests : IDisposable
{
    private const int TextWidth = 12, VisionWidth = 16;

    private static readonly GenerationOptions Objects = new() { Steps = 3, GuidanceScale = 3, ReferenceFusion = ReferenceFusion.Concatenate, AdapterScale = 5 };

    private readonly string _root = Directory.CreateTempSubdirectory("patchdpo-ms-").FullName;
    private readonly string _adapter;
    private readonly PersonalizedModel _model;

    public MsDiffusionFamilyTests()
    {
        TinyPersonalizedModel.Write(_root, textWidth: TextWidth);
        _adapter = WriteAdapter("ms.bin");
        _model = PersonalizedModel.Load(_root, _adapter);
    }

    public void Dispose()
    {
        _model.Dispose();
        Directory.Delete(_root, recursive: true);
    }

    [Theory]
    [InlineData(".bin")]
    [InlineData(".safetensors")]
    public void What_is_saved_draws_the_same(string ending)
    {
        string path = Path.Combine(_root, "saved" + ending);
        _model.SaveAdapter(path);
        using PersonalizedModel loaded = PersonalizedModel.Load(_root, path);
        Assert.IsType<MsDiffusionLayers>(loaded.AdapterLayers);
        Assert.Equal(Draw(_model, Two()), Draw(loaded, Two()));
    }

    [Fact]
    public void Every_subject_reaches_the_picture_by_photo_name_box_and_scale()
    {
        ReferenceImage[] two = Two();
        byte[] drawn = Draw(_model, two);
        Assert.NotEqual(drawn, Draw(_model, [two[0], two[1] with { Name = "cat" }]));
        Assert.NotEqual(drawn, Draw(_model, [two[0], two[1] with { Box = new LayoutBox(0.5, 0.5, 1, 1) }]));
        Assert.NotEqual(drawn, Draw(_model, [two[0], new ReferenceImage(Image(9)) { Name = two[1].Name, Box = two[1].Box }]));
        Assert.NotEqual(drawn, Draw(_model, [two[0], two[1] with { OtherPhotos = [Image(9)] }]));
        Assert.NotEqual(drawn, Draw(_model, [two[0], two[1] with { Scale = 0.1 }]));
        Assert.Equal(drawn, Draw(_model, [two[0], two[1] with { Scale = 5 }]));
        // Subjects whose scale is 0 leave the picture to the text.
        Assert.Equal(Draw(_model, two, Objects with { AdapterScale = 0 }), Draw(_model, [.. two.Select(r => r with { Scale = 0 })]));
    }

    [Fact]
    public void A_subject_without_a_box_appears_where_its_words_are_attended_to_once_the_layout_starts()
    {
        ReferenceImage[] two = [.. Two().Select(r => r with { Box = null })];
        byte[] textAlone = Draw(_model, two, Objects with { AdapterScale = 0 });
        // Three calls are fewer than the five that the layout waits for.
        Assert.Equal(textAlone, Draw(_model, two));
        GenerationOptions longer = Objects with { Steps = 6 };
        Assert.NotEqual(Draw(_model, two, longer with { AdapterScale = 0 }), Draw(_model, two, longer));
        Assert.NotEqual(textAlone, Draw(_model, two, Objects with { AutomaticLayout = new() { StartStep = 2 } }));
        // What was found in one generation is forgotten in the next.
        Assert.Equal(Draw(_model, two, longer), Draw(_model, two, longer));
    }

    [Fact]
    public void Requests_with_none_one_and_two_subjects_share_a_batch()
    {
        GenerationRequest[] requests = [new("a cat", [Two()[0]]), new("a cat and a dog", Two()), new("a", [])];
        IReadOnlyList<ImageBuffer> together = _model.Generate(requests, Objects);
        for (int i = 0; i < requests.Length; i++)
        {
            byte[] alone = _model.Generate([requests[i] with { NoiseIndex = i }], Objects)[0].Pixels;
            Assert.All(together[i].Pixels.Zip(alone), p => Assert.InRange(p.First - p.Second, -1, 1));
        }
    }

    [Fact]
    public void Other_sizes_than_squares_are_possible()
    {
        ImageBuffer drawn = _model.Generate([new("a cat and a dog", Two())], Objects with { Width = 48, Height = 32 })[0];
        Assert.Equal((48, 32), (drawn.Width, drawn.Height));
        Assert.NotEqual(drawn.Pixels, _model.Generate([new("a cat and a dog", [.. Two().Select(r => r with { Box = new LayoutBox(0, 0, 1, 1) })])],
            Objects with { Width = 48, Height = 32 })[0].Pixels);
    }

    [Fact]
    public void Training_trains_keys_and_values()
    {
        TrainingPair[] pairs = Pairs();
        var options = new PatchDpoTrainerOptions { MaxSteps = 3, BatchSize = 2, LearningRate = 1e-2, ImageDropout = 0.3, TextDropout = 0.3 };
        using AdapterLayers tuned = new PatchDpoTrainer(_model, options).Train(pairs);
        Dictionary<string, Tensor> before = _model.AdapterLayers.state_dict();
        Assert.All(tuned.state_dict(), t => Assert.NotEqual(before[t.Key].data<float>().ToArray(), t.Value.data<float>().ToArray()));
        LeakCheck.Run(() => new PatchDpoTrainer(_model, options).Train(pairs).Dispose());

        pairs[1] = pairs[1] with { ImagePrompts = [.. Two().Select(r => r with { Box = null })] };
        Assert.Contains("of pair 1 do not suit the model's adapter: image prompt 0 has no box",
            Assert.Throws<UnsuitableReferencesException>(() => new PatchDpoTrainer(_model, options).Train(pairs)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_training_that_is_stopped_goes_on_to_the_same_bits_with_what_a_store_keeps()
    {
        using TemporaryFolder folder = new();
        PatchDpoTrainerOptions options = new() { MaxSteps = 4, LearningRate = 1e-2, BatchSize = 2, TextDropout = 0.3, ImageDropout = 0.3 };
        byte[] expected = Bytes(options);
        PatchDpoTrainerOptions kept = options with { Store = new() { Folder = folder.File("store") }, State = new() { Folder = folder.File("state") } };
        using CancellationTokenSource stop = new();
        Assert.Throws<OperationCanceledException>(() => new PatchDpoTrainer(_model, kept with { Progress = new DirectProgress<TrainingProgress>(p =>
        {
            if (p.Step == 2)
                stop.Cancel();
        }) }).Train(Pairs(), stop.Token));
        Assert.Equal(expected, Bytes(kept));
        // The backward pass asks the branch once more, and what the branch keeps is freed all the same.
        PatchDpoTrainerOptions recomputed = options with { GradientCheckpointing = true };
        Assert.True(MemoryMarshal.Cast<byte, float>(Bytes(recomputed)).ToArray().Zip(MemoryMarshal.Cast<byte, float>(expected).ToArray())
            .Max(p => Math.Abs(p.First - p.Second)) < 1e-5);
        LeakCheck.Run(() => Bytes(recomputed));

        byte[] Bytes(PatchDpoTrainerOptions how)
        {
            using AdapterLayers layers = new PatchDpoTrainer(_model, how).Train(Pairs());
            return [.. layers.state_dict().OrderBy(t => t.Key, StringComparer.Ordinal).SelectMany(t => t.Value.bytes.ToArray())];
        }
    }

    [Fact]
    public void Generation_leaks_nothing()
        => LeakCheck.Run(() => Draw(_model, Two(), Objects with { AutomaticLayout = new() { StartStep = 2 } }));

    [Theory]
    [InlineData(ReferenceFusion.Concatenate, null, "reference 1 has no name")]
    [InlineData(ReferenceFusion.Merge, "dog", "each inside its box; concatenate them")]
    [InlineData(ReferenceFusion.Average, "dog", "they name several objects (cat, dog)")]
    [InlineData(ReferenceFusion.Concatenate, "bird", "reference 1 has no box, and the prompt lacks its name 'bird' (as far as")]
    public void Unsuitable_references_are_named(ReferenceFusion fusion, string? second, string message)
    {
        ReferenceImage[] references = [Two()[0], new ReferenceImage(Image(2)) { Name = second }];
        Assert.Contains(message, Assert.Throws<UnsuitableReferencesException>(() => Draw(_model, references, Objects with { ReferenceFusion = fusion })).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void A_name_beyond_the_text_encoders_length_is_not_in_the_prompt()
    {
        ReferenceImage[] references = [new(Image(1)) { Name = "dog" }];
        Assert.Contains("the prompt lacks its name 'dog'", Assert.Throws<UnsuitableReferencesException>(
            () => _model.Generate([new("something long dog", references)], Objects)).Message, StringComparison.Ordinal);
        _model.Generate([new("something dog", references)], Objects with { Steps = 1 });
    }

    [Fact]
    public void A_model_of_half_the_precision_draws_and_is_trained()
    {
        using PersonalizedModel half = PersonalizedModel.Load(_root, _adapter, dtype: ScalarType.BFloat16);
        Assert.Equal(32 * 32 * 3, Draw(half, [Two()[0], Two()[1] with { Box = null }], Objects with { AutomaticLayout = new() { StartStep = 2 } }).Length);
        TrainingPair pair = new("a cat and a dog", Image(1), Image(2), new(1, 1, [0.2f]), new(1, 1, [0.9f])) { ImagePrompts = Two() };
        using AdapterLayers tuned = new PatchDpoTrainer(half, new PatchDpoTrainerOptions { MaxSteps = 2 }).Train([pair]);
        Assert.All(tuned.parameters(), p => Assert.Equal(ScalarType.Float32, p.dtype));
    }

    [Theory]
    [InlineData(TrainedSet.KeysAndValues)]
    [InlineData(TrainedSet.All)]
    public void A_bfloat16_store_keeps_boxes_and_scales_as_they_are(TrainedSet set)
    {
        using TemporaryFolder folder = new();
        using DisposeScope scope = NewDisposeScope();
        ReferenceImage reference = new(Image(1)) { Name = "cat", Box = new LayoutBox(0.1234567, 0.2345678, 0.7654321, 0.8765432), Scale = 0.3333333 };
        TrainingPair pair = new("a cat", Image(1), Image(2), new(1, 1, [0.2f]), new(1, 1, [0.9f])) { ImagePrompts = [reference] };
        var options = new PatchDpoTrainerOptions { TrainedSet = set, Store = new() { Folder = folder.File("store"), DType = ScalarType.BFloat16 } };
        // The first time from memory, the second from the shards.
        for (int i = 0; i < 2; i++)
        {
            using PreparedPairs prepared = new PatchDpoTrainer(_model, options).Prepare([pair]);
            ImagePrompt image = prepared.Batch([0], [false], [false], zeros([1, .. prepared.LatentShape]), zeros(1, ScalarType.Int64), officialTimeIds: false,
                (pairs, height, width) => ones(pairs.Count, 2, height, width)).Conditions.Image;
            Assert.Equal([0.1234567f, 0.2345678f, 0.7654321f, 0.8765432f], image[MsDiffusionPromptEncoder.Boxes][0].data<float>().ToArray());
            Assert.Equal([0.3333333f], image[MsDiffusionPromptEncoder.Scales][0].data<float>().ToArray());
        }
        string shard = Assert.Single(Directory.GetFiles(Assert.Single(Directory.GetDirectories(folder.File("store"))), "image*"));
        using SafetensorsFile file = SafetensorsFile.Open(shard);
        Assert.Equal(ScalarType.Float32, file.DType(MsDiffusionPromptEncoder.Boxes));
        Assert.Equal(ScalarType.BFloat16, file.DType(set == TrainedSet.All ? ProjectedPromptEncoder.States : ProjectedPromptEncoder.Tokens));
    }

    [Fact]
    public void A_name_that_the_prompt_lacks_is_a_warning_where_a_box_says_the_place()
    {
        List<string> warnings = [];
        _model.Generate([new("a cat", Two())], Objects with { Steps = 1 }, new DirectProgress<GenerationProgress>(p => warnings.AddRange(p.Warnings)));
        Assert.Equal(["Request 0: the prompt does not name 'dog', whose reference it has."], warnings);
    }

    [Fact]
    public void Adapters_that_do_not_fit_are_named()
    {
        string wide = WriteAdapter("wide.safetensors", vision: VisionWidth + 2), phrase = WriteAdapter("phrase.safetensors", phrase: TextWidth + 1);
        Assert.Contains($"takes image features of width {VisionWidth + 2}", Message<ModelConfigException>(wide), StringComparison.Ordinal);
        Assert.Contains($"it takes names of width {TextWidth + 1}", Message<WeightsFormatException>(phrase), StringComparison.Ordinal);

        using DisposeScope scope = NewDisposeScope();
        using SafetensorsFile file = SafetensorsFile.Open(WriteAdapter("whole.safetensors"));
        Dictionary<string, Tensor> all = file.ReadAll();
        Assert.Contains("image projection has no tensor", Message<WeightsFormatException>(Part(k => !k.StartsWith("image_proj", StringComparison.Ordinal))),
            StringComparison.Ordinal);
        Assert.Contains("dummy_image_tokens", Message<WeightsFormatException>(Part(k => k != "dummy_image_tokens")), StringComparison.Ordinal);
        Assert.Contains("ms_adapter.1.to_k_ip.weight",
            Message<StateDictMismatchException>(Part(k => k != "ms_adapter.1.to_k_ip.weight")), StringComparison.Ordinal);

        string Part(Func<string, bool> kept)
        {
            string path = Path.Combine(_root, "part.safetensors");
            SafetensorsWriter.Write(path, all.Where(t => kept(t.Key)).ToDictionary(), file.Metadata.ToDictionary());
            return path;
        }

        string Message<T>(string path) where T : Exception => Assert.Throws<T>(() => PersonalizedModel.Load(_root, path)).Message;
    }

    [Fact]
    public void An_IP_Adapter_is_no_adapter_of_MS_Diffusion()
        => Assert.Contains("this is no adapter of MS-Diffusion but an IP-Adapter", Assert.Throws<UnknownModelException>(() => PersonalizedModel.Load(
            _root, new PersonalizedModelOptions { AdapterFamily = "ms-diffusion" })).Message, StringComparison.Ordinal);

    private static ImageBuffer Image(int number) => TinyPersonalizedModel.Image(number);

    private static ReferenceImage[] Two() =>
    [
        new(Image(1)) { Name = "cat", Box = new LayoutBox(0, 0.25, 0.5, 1) },
        new(Image(2)) { Name = "dog", Box = new LayoutBox(0.5, 0.25, 1, 1) },
    ];

    private static TrainingPair[] Pairs() => [.. Enumerable.Range(0, 3).Select(i => new TrainingPair(
        "a cat and a dog", Image(i), Image(10 + i), new(1, 1, [0.2f]), new(1, 1, [0.9f]))
    { ImagePrompts = [.. Two().Take(1 + (i % 2))] })];

    private static byte[] Draw(PersonalizedModel model, IReadOnlyList<ReferenceImage> references, GenerationOptions? options = null)
        => model.Generate([new("a cat and a dog", references)], options ?? Objects)[0].Pixels;

    private string WriteAdapter(string name, int vision = VisionWidth, int phrase = TextWidth)
    {
        random.manual_seed(3);
        UNetConfig unet = UNetConfig.FromJson(ModelConfig.Read(Path.Combine(_root, "unet", "config.json")));
        using var projection = new GroundingResampler(new GroundingResamplerOptions(
            new ResamplerOptions
            {
                Channels = 16,
                Layers = 1,
                HeadChannels = 8,
                Heads = 2,
                Tokens = 4,
                InputChannels = vision,
                OutputChannels = unet.CrossAttentionDims[0],
            }, phrase, 20));
        using var layers = new MsDiffusionLayers(unet);
        using Tensor dummy = rand(1, 4, unet.CrossAttentionDims[0]);
        string path = Path.Combine(_root, name);
        MsDiffusionFile.Write(path, projection, layers, dummy);
        return path;
    }
}
