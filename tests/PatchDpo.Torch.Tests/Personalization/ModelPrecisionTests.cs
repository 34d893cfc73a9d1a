using PatchDpo.Tests;
using PatchDpo.Torch.Adapters;
using PatchDpo.Torch.Diffusion;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.Personalization;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Personalization;

/// <summary>Models in float16 and bfloat16, and files in float16.</summary>
public class ModelPrecisionTests(TinyFamilies families) : IClassFixture<TinyFamilies>
{
    public static TheoryData<TinyFamily, TinyAdapter> All() => TinyFamilies.All();

    [Theory]
    [MemberData(nameof(All))]
    public void Less_precise_models_give_nearly_the_same_images(TinyFamily family, TinyAdapter adapter)
    {
        using DisposeScope scope = NewDisposeScope();
        PersonalizedModel exact = families.Model(family, adapter);
        ImageBuffer image = Image(exact);
        Tensor noise = Noise(exact);
        // Measured: float16 up to 0.15 % of the noise and 0.05 of a pixel's 256 levels, bfloat16 up to 1.1 % and 0.44.
        foreach ((ScalarType dtype, double relative, double levels) in new[] { (ScalarType.Float16, 0.005, 0.2), (ScalarType.BFloat16, 0.03, 1.5) })
        {
            using PersonalizedModel model = PersonalizedModel.Load(exact.FolderPath, dtype: dtype);
            Assert.Equal(dtype, model.DType);
            Tensor prediction = Noise(model);
            Assert.Equal(ScalarType.Float32, prediction.dtype);
            double error = ((prediction - noise).norm() / noise.norm()).item<float>();
            double difference = image.Pixels.Zip(Image(model).Pixels, (a, b) => Math.Abs(a - b)).Average();
            Assert.True(error < relative && difference < levels, $"{dtype}: noise {error:P3}, pixels {difference:F3}");
        }

        ImageBuffer Image(PersonalizedModel model) => model.Generate([new("a cat", [TinyModelFixture.Image(1)])], new GenerationOptions { Steps = 4 })[0];
        static Tensor Noise(PersonalizedModel model)
        {
            using Generator generator = new(5, CPU);
            ImagePrompt tokens = model.EncodeReferences([TinyModelFixture.Image(1)]);
            return model.PredictNoise(randn([1, 4, 8, 8], generator: generator), tensor(400), model.EncodeText(["a cat"]), tokens);
        }
    }

    [Theory]
    [InlineData(TinyFamily.Sd15)]
    [InlineData(TinyFamily.Sdxl)]
    public void Files_in_float16_under_their_own_names_are_read(TinyFamily family)
    {
        using var temporary = new TemporaryFolder();
        string folder = TinyPersonalizedModel.Write(temporary.File("model"), family: family);
        ImageBuffer exact = Image();
        TinyPersonalizedModel.ConvertToHalf(folder);
        Assert.Empty(Directory.GetFiles(folder, "*model.safetensors", SearchOption.AllDirectories));
        double difference = exact.Pixels.Zip(Image().Pixels, (a, b) => Math.Abs(a - b)).Average();
        Assert.InRange(difference, 1e-6, 0.1);

        ImageBuffer Image()
        {
            using PersonalizedModel model = PersonalizedModel.Load(folder);
            return model.Generate([new("a cat", [TinyModelFixture.Image(1)])], new GenerationOptions { Steps = 4 })[0];
        }
    }

    [Fact]
    public void An_adapter_keeps_its_float32_weights_in_a_bfloat16_model()
    {
        using var temporary = new TemporaryFolder();
        string folder = families.Model(TinyFamily.Sd15, TinyAdapter.Plus).FolderPath, file = temporary.File("adapter.safetensors");
        using PersonalizedModel model = PersonalizedModel.Load(folder, dtype: ScalarType.BFloat16);
        Assert.All(model.AdapterLayers.parameters(), p => Assert.Equal(ScalarType.Float32, p.dtype));
        model.SaveAdapter(file);
        using PersonalizedModel loaded = PersonalizedModel.Load(folder, file, dtype: ScalarType.BFloat16);
        Assert.Equal(Bytes(model.AdapterLayers), Bytes(loaded.AdapterLayers));
    }

    [Fact]
    public void Other_types_are_refused()
        => Assert.Throws<ArgumentException>(() => PersonalizedModel.Load(families.Model(TinyFamily.Sd15, TinyAdapter.Plus).FolderPath, dtype: ScalarType.Int8));

    [Fact]
    public void Latents_that_overflow_are_an_error_and_no_black_image()
    {
        PersonalizedModel model = families.Model(TinyFamily.Sd15, TinyAdapter.Plus);
        AdapterLayers layers = model.AdapterLayers.Clone();
        using (no_grad())
            foreach (TorchSharp.Modules.Parameter parameter in layers.parameters())
                parameter.fill_(float.NaN);
        using PersonalizedModel broken = model.WithAdapterLayers(layers);
        GenerationRequest request = new("a", [TinyModelFixture.Image(1)]);
        NonFiniteLatentsException e = Assert.Throws<NonFiniteLatentsException>(
            () => broken.Generate([request, request], new GenerationOptions { Steps = 1, BatchSize = 1 }));
        Assert.Equal(0, e.RequestIndex);
        Assert.Contains("bfloat16", new NonFiniteLatentsException(2, ScalarType.Float16).Message, StringComparison.Ordinal);
    }

    private static byte[] Bytes(AdapterLayers layers) => [.. layers.state_dict().OrderBy(t => t.Key, StringComparer.Ordinal)
        .SelectMany(t => t.Value.bytes.ToArray())];
}
