using PatchDpo.Tests;
using PatchDpo.Torch.Adapters.IpAdapter;
using PatchDpo.Torch.Diffusion.UNet;
using PatchDpo.Torch.Models;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Diffusion.UNet;

public class UNetTests
{
    private static readonly UNetConfig Tiny = new()
    {
        DownBlockTypes = ["CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
        UpBlockTypes = ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D"],
        BlockOutChannels = [8, 16],
        LayersPerBlock = [1, 1],
        CrossAttentionDims = [12, 12],
        TransformerLayers = [1, 1],
        AttentionHeads = [1, 2],
        NormGroups = 4,
        UseLinearProjection = true,
        HasTextTimeEmbedding = true,
        AdditionTimeEmbedDim = 4,
        AdditionInputChannels = 30,
    };

    [Fact]
    public void Only_the_adapter_gets_gradients_where_all_else_is_frozen()
    {
        using DisposeScope scope = NewDisposeScope();
        random.manual_seed(3);
        (UNet2DConditionModel? unet, IpAdapterLayers? layers) = (new UNet2DConditionModel(Tiny), new IpAdapterLayers(Tiny));
        foreach (Parameter parameter in unet.parameters())
            parameter.requires_grad = false;
        Predict(unet, layers, 1).square().mean().backward();
        Assert.All(layers.named_parameters(), p => Assert.True(p.parameter.grad is { } g && g.abs().sum().item<float>() > 0, p.name));
        Assert.All(unet.named_parameters(), p => Assert.True(p.parameter.grad is null, p.name));
    }

    [Fact]
    public void Every_weight_gets_a_gradient_where_nothing_is_frozen()
    {
        using DisposeScope scope = NewDisposeScope();
        random.manual_seed(3);
        (UNet2DConditionModel? unet, IpAdapterLayers? layers) = (new UNet2DConditionModel(Tiny), new IpAdapterLayers(Tiny));
        Predict(unet, layers, 1).square().mean().backward();
        Assert.All(unet.named_parameters().Concat(layers.named_parameters()), p => Assert.True(p.parameter.grad is not null, p.name));
    }

    [Fact]
    public void Gradients_of_the_adapter_match_finite_differences()
    {
        using DisposeScope scope = NewDisposeScope();
        random.manual_seed(4);
        (UNet2DConditionModel? unet, IpAdapterLayers? layers) = (new UNet2DConditionModel(Tiny, dtype: ScalarType.Float64),
            new IpAdapterLayers(Tiny, dtype: ScalarType.Float64));
        double Loss() => Predict(unet, layers, 0.7, ScalarType.Float64).square().mean().item<double>();
        Predict(unet, layers, 0.7, ScalarType.Float64).square().mean().backward();
        using IDisposable noGrad = no_grad();
        foreach ((string? name, Parameter? parameter) in layers.named_parameters())
        {
            Tensor direction = randn_like(parameter);
            double expected = (parameter.grad! * direction).sum().item<double>();
            parameter.add_(direction, 1e-5);
            double above = Loss();
            parameter.add_(direction, -2e-5);
            double below = Loss();
            parameter.add_(direction, 1e-5);
            Assert.True(Math.Abs(((above - below) / 2e-5) - expected) < 1e-6 * Math.Max(1, Math.Abs(expected)), name);
        }
    }

    [Fact]
    public void Repeated_passes_and_training_steps_leak_nothing()
    {
        random.manual_seed(5);
        using var unet = new UNet2DConditionModel(Tiny);
        using var layers = new IpAdapterLayers(Tiny);
        using AdamW optimizer = optim.AdamW(layers.parameters(), 1e-3);
        void Step()
        {
            using (IDisposable noGrad = no_grad())
                Predict(unet, layers, 1).Dispose();
            using DisposeScope scope = NewDisposeScope();
            optimizer.zero_grad();
            Predict(unet, layers, 1).square().mean().backward();
            optimizer.step();
        }
        Step();
        Step();
        long before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        for (int i = 0; i < 3; i++)
            Step();
        Assert.Equal(before, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
    }

    [Fact]
    public void A_scale_of_zero_gives_the_prediction_without_an_image_prompt()
    {
        using DisposeScope scope = NewDisposeScope();
        random.manual_seed(6);
        (UNet2DConditionModel? unet, IpAdapterLayers? layers) = (new UNet2DConditionModel(Tiny), new IpAdapterLayers(Tiny));
        Assert.True(Predict(unet, layers, 0).equal(Predict(unet, null, 1)).all().ToBoolean());
        Assert.False(Predict(unet, layers, 1).equal(Predict(unet, null, 1)).all().ToBoolean());
    }

    [Fact]
    public void Dropout_acts_in_training_mode_only()
    {
        using DisposeScope scope = NewDisposeScope();
        random.manual_seed(7);
        var unet = new UNet2DConditionModel(Tiny with { Dropout = 0.5 });
        Assert.False(Predict(unet, null, 1).equal(Predict(unet, null, 1)).all().ToBoolean());
        unet.eval();
        Assert.True(Predict(unet, null, 1).equal(Predict(unet, null, 1)).all().ToBoolean());
    }

    [Fact]
    public void Attending_in_float32_changes_nothing_for_float32_weights()
    {
        using DisposeScope scope = NewDisposeScope();
        random.manual_seed(8);
        (UNet2DConditionModel? plain, UNet2DConditionModel? upcast) = (new UNet2DConditionModel(Tiny),
            new UNet2DConditionModel(Tiny with { UpcastAttention = true }));
        StateDictLoader.Load(upcast, plain.state_dict(), "plain");
        Assert.True(Predict(plain, null, 1).equal(Predict(upcast, null, 1)).all().ToBoolean());
        Tensor half = Predict(new UNet2DConditionModel(Tiny with { UpcastAttention = true }, dtype: ScalarType.BFloat16), null, 1, ScalarType.BFloat16);
        Assert.Equal(ScalarType.BFloat16, half.dtype);
    }

    [Fact]
    public void A_diffusers_folder_loads_and_gives_the_same_prediction()
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        string json = Fixtures.Find("06_unet", "*.json")[0];
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder.File("config.json"), Fixtures.Json(json).GetProperty("config").GetRawText());
        File.Copy(Path.ChangeExtension(json, ".weights.safetensors"), folder.File("diffusion_pytorch_model.safetensors"));
        Dictionary<string, Tensor> io = Fixtures.Tensors(Path.ChangeExtension(json, ".io.safetensors"));
        Tensor Run(UNet2DConditionModel unet) => unet.forward(
            io["in.sample"], io["in.timestep"], io["in.encoder_hidden_states"], io.GetValueOrDefault("in.text_embeds"), io.GetValueOrDefault("in.time_ids"));
        var loaded = UNet2DConditionModel.FromFolder(Path.GetDirectoryName(folder.File("config.json"))!);
        Assert.True(Run(loaded).equal(Run(UNetFixture.Load(json))).all().ToBoolean());
    }

    [Fact]
    public void Inputs_of_a_wrong_shape_are_refused_by_name()
    {
        using DisposeScope scope = NewDisposeScope();
        var unet = new UNet2DConditionModel(Tiny);
        (Tensor? sample, Tensor? time, Tensor? text, Tensor? pooled, Tensor? sizes) = (zeros(2, 4, 4, 4), zeros(2), zeros(2, 3, 12), zeros(2, 6), zeros(2, 6));
        void Refused(string parameter, Action call) => Assert.Equal(parameter, Assert.ThrowsAny<ArgumentException>(call).ParamName);
        Refused("sample", () => unet.forward(zeros(2, 3, 4, 4), time, text, pooled, sizes));
        Refused("timesteps", () => unet.forward(sample, zeros(3), text, pooled, sizes));
        Refused("encoderHiddenStates", () => unet.forward(sample, time, zeros(1, 3, 12), pooled, sizes));
        Refused("textEmbeds", () => unet.forward(sample, time, text, null, sizes));
        Refused("timeIds", () => unet.forward(sample, time, text, pooled, null));
        Refused("textEmbeds", () => unet.forward(sample, time, text, zeros(2, 7), sizes));
        Refused("imagePrompt", () => unet.forward(sample, time, text, pooled, sizes, new IpAttention(new IpAdapterLayers(Tiny), zeros(1, 3, 12), 1)));
        var other = new IpAdapterLayers(Tiny with { DownBlockTypes = ["CrossAttnDownBlock2D", "DownBlock2D"] });
        Assert.Throws<ArgumentException>(() => unet.forward(sample, time, text, pooled, sizes, new IpAttention(other, zeros(2, 3, 12), 1)));
    }

    // The same inputs each time, with an image prompt where layers are given; the result belongs to the caller.
    private static Tensor Predict(UNet2DConditionModel unet, IpAdapterLayers? layers, double scale, ScalarType dtype = ScalarType.Float32)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor Wave(params long[] shape) => arange(shape.Aggregate(1L, (a, b) => a * b)).to_type(ScalarType.Float32).sin().reshape(shape).to_type(dtype);
        IpAttention? ip = layers is null ? null : new IpAttention(layers, Wave(2, 3, 12), scale);
        return unet.forward(Wave(2, 4, 6, 6), tensor(new[] { 3L, 700L }), Wave(2, 5, 12), Wave(2, 6), Wave(2, 6).to_type(ScalarType.Float32), ip)
            .MoveToOuterDisposeScope();
    }
}
