using PatchDpo.Tests;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.Weights.Safetensors;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Models;

public sealed class StateDictLoaderTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("cpu")]
    [InlineData("meta")]
    public void A_loaded_module_computes_what_the_saved_one_does(string device)
    {
        using DisposeScope scope = NewDisposeScope();
        using Net saved = new(CPU), loaded = new(new Device(device));
        string path = Save(saved);
        using (SafetensorsFile file = SafetensorsFile.Open(path))
            StateDictLoader.Load(loaded, file);
        saved.eval();
        loaded.eval();
        Tensor x = rand(2, 3, 8, 8);
        Fixtures.AssertClose(loaded.forward(x), saved.forward(x), 0, device);
        Assert.All(loaded.parameters(), p => Assert.True(p.requires_grad));
    }

    [Fact]
    public void A_module_from_the_meta_device_trains()
    {
        using DisposeScope scope = NewDisposeScope();
        using Net saved = new(CPU), loaded = new(META);
        StateDictLoader.Load(loaded, saved.state_dict(), "saved");
        optim.Optimizer optimizer = optim.SGD(loaded.parameters(), 0.1);
        loaded.forward(rand(2, 3, 8, 8)).sum().backward();
        optimizer.step();
        Assert.All(loaded.named_parameters(), p => Assert.True(p.parameter.grad is not null, p.name));
        Assert.False(loaded.state_dict()["proj.weight"].allclose(saved.state_dict()["proj.weight"]));
    }

    [Fact]
    public void A_module_on_the_meta_device_takes_the_dtype_of_the_file_or_the_one_asked_for()
    {
        using DisposeScope scope = NewDisposeScope();
        using Net saved = new(CPU), asFile = new(META), asAsked = new(META);
        string path = _folder.File("half.safetensors");
        SafetensorsWriter.Write(path, saved.state_dict().ToDictionary(t => t.Key, t => t.Value.is_floating_point() ? t.Value.to(float16) : t.Value));
        using SafetensorsFile file = SafetensorsFile.Open(path);
        StateDictLoader.Load(asFile, file);
        StateDictLoader.Load(asAsked, file, dtype: bfloat16);
        foreach ((string key, Tensor expected) in saved.state_dict())
        {
            Tensor half = asFile.state_dict()[key], asked = asAsked.state_dict()[key];
            Assert.Equal(expected.is_floating_point() ? float16 : int64, half.dtype);
            Assert.Equal(expected.is_floating_point() ? bfloat16 : int64, asked.dtype);
            Fixtures.AssertClose(half, expected.to(half.dtype), 0, key);
            Fixtures.AssertClose(asked, expected.to(half.dtype).to(asked.dtype), 0, key);
        }
    }

    [Fact]
    public void Values_are_converted_to_the_dtype_of_a_module_on_a_real_device()
    {
        using DisposeScope scope = NewDisposeScope();
        using Net saved = new(CPU), loaded = new(CPU);
        loaded.to(float64);
        using SafetensorsFile file = SafetensorsFile.Open(Save(saved));
        StateDictLoader.Load(loaded, file);
        Assert.Equal(float64, loaded.state_dict()["conv.weight"].dtype);
        Fixtures.AssertClose(loaded.state_dict()["conv.weight"], saved.state_dict()["conv.weight"], 0, "conv.weight");
    }

    [Fact]
    public void Loading_leaks_no_tensor()
    {
        using Net saved = new(CPU), onCpu = new(CPU), onMeta = new(META);
        string path = Save(saved);
        long before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        using (SafetensorsFile file = SafetensorsFile.Open(path))
        {
            StateDictLoader.Load(onCpu, file);
            StateDictLoader.Load(onMeta, file);
        }
        Assert.Equal(before, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
    }

    [Fact]
    public void Every_missing_unexpected_and_misshaped_key_is_listed_and_the_module_stays_as_it_was()
    {
        using DisposeScope scope = NewDisposeScope();
        using Net module = new(CPU);
        Dictionary<string, Tensor> tensors = module.state_dict().ToDictionary(t => t.Key, t => zeros_like(t.Value));
        tensors.Remove("conv.weight");
        tensors.Remove("table");
        tensors["proj.weight"] = zeros(5, 4);
        tensors["norm.bias"] = zeros(1);
        tensors["extra.a"] = zeros(1);
        tensors["extra.b"] = zeros(1);
        Tensor untouched = module.state_dict()["conv.bias"].clone();
        string path = _folder.File("wrong.safetensors");
        SafetensorsWriter.Write(path, tensors);
        using SafetensorsFile file = SafetensorsFile.Open(path);

        StateDictMismatchException e = Assert.Throws<StateDictMismatchException>(() => StateDictLoader.Load(module, file));
        Assert.Equal(["'table'", "'conv.weight'"], e.MissingKeys.OrderByDescending(k => k));
        Assert.Equal(["'extra.a'", "'extra.b'"], e.UnexpectedKeys.Order());
        Assert.Equal(["'norm.bias': the module has [4], the source [1]", "'proj.weight': the module has [4,5], the source [5,4]"], e.MisshapedKeys.Order());
        Assert.Contains(path, e.Message);
        Assert.All([.. e.MissingKeys, .. e.UnexpectedKeys, .. e.MisshapedKeys], k => Assert.Contains(k, e.Message));
        Fixtures.AssertClose(module.state_dict()["conv.bias"], untouched, 0, "conv.bias");
    }

    [Fact]
    public void A_prefix_selects_keys_a_rename_maps_them_and_ignored_keys_may_be_extra()
    {
        using DisposeScope scope = NewDisposeScope();
        using Net saved = new(CPU), loaded = new(CPU);
        Dictionary<string, Tensor> tensors = saved.state_dict().ToDictionary(t => "vision_model." + t.Key.Replace("proj.", "projection."), t => t.Value);
        tensors["text_model.other"] = zeros(1);
        tensors["vision_model.embeddings.position_ids"] = arange(4);
        StateDictLoader.Load(
            loaded, tensors, "memory", "vision_model.",
            rename: k => k.Replace("projection.", "proj."), ignore: k => k.EndsWith("position_ids", StringComparison.Ordinal));
        foreach ((string key, Tensor expected) in saved.state_dict())
            Fixtures.AssertClose(loaded.state_dict()[key], expected, 0, key);

        StateDictMismatchException e = Assert.Throws<StateDictMismatchException>(() => StateDictLoader.Load(loaded, tensors, "memory", "vision_model."));
        Assert.Contains("'vision_model.embeddings.position_ids'", e.UnexpectedKeys);
        Assert.Contains("'vision_model.proj.weight'", e.MissingKeys);
    }

    [Fact]
    public void Two_keys_that_are_renamed_to_one_are_refused()
    {
        using DisposeScope scope = NewDisposeScope();
        using Linear linear = nn.Linear(2, 2, hasBias: false);
        Dictionary<string, Tensor> tensors = new() { ["a"] = zeros(2, 2), ["b"] = zeros(2, 2) };
        StateDictMismatchException e = Assert.Throws<StateDictMismatchException>(() => StateDictLoader.Load(linear, tensors, "memory", rename: _ => "weight"));
        Assert.Equal(["'b' (as 'weight', which 'a' already is)"], e.UnexpectedKeys);
    }

    [Fact]
    public void A_module_with_native_parameters_on_the_meta_device_is_refused()
    {
        using DisposeScope scope = NewDisposeScope();
        using nn.Module<Tensor, Tensor> module = nn.Sequential(("attn", new WithAttention()));
        NotSupportedException e = Assert.Throws<NotSupportedException>(() =>
            StateDictLoader.Load(module, module.state_dict().ToDictionary(t => t.Key, t => zeros(t.Value.shape)), "memory"));
        Assert.Contains("MultiheadAttention", e.Message);
    }

    private string Save(nn.Module module)
    {
        string path = _folder.File("net.safetensors");
        SafetensorsWriter.Write(path, module.state_dict());
        return path;
    }

    private sealed class Net : nn.Module<Tensor, Tensor>
    {
        private readonly Conv2d conv;
        private readonly ConvTranspose2d up;
        private readonly GroupNorm group;
        private readonly BatchNorm2d batch;
        private readonly Linear proj;
        private readonly LayerNorm norm;
        private readonly Embedding embed;
        private readonly Parameter scale;
        private readonly Tensor table;
        private readonly ModuleList<nn.Module<Tensor, Tensor>> layers;

        public Net(Device device)
            : base("net")
        {
            conv = nn.Conv2d(3, 4, 3, padding: 1, device: device);
            up = nn.ConvTranspose2d(4, 4, 1, device: device);
            group = nn.GroupNorm(2, 4, device: device);
            if (device.type == DeviceType.CPU)
            {
                nn.init.ones_(group.weight);
                nn.init.zeros_(group.bias);
            }
            batch = nn.BatchNorm2d(4, device: device);
            proj = nn.Linear(5, 4, device: device);
            norm = nn.LayerNorm(4, device: device);
            embed = nn.Embedding(8, 5, device: device);
            scale = new Parameter(rand(4, device: device));
            table = rand(4, device: device);
            layers = nn.ModuleList<nn.Module<Tensor, Tensor>>(nn.Linear(4, 4, device: device), nn.Linear(4, 4, hasBias: false, device: device));
            RegisterComponents();
        }

        public override Tensor forward(Tensor x)
        {
            using DisposeScope scope = NewDisposeScope();
            Tensor y = batch.forward(group.forward(up.forward(conv.forward(x)))).mean([2, 3]);
            Tensor z = proj.forward(embed.forward(arange(8))).mean([0]);
            y = norm.forward((y * scale) + table + z);
            foreach (nn.Module<Tensor, Tensor> layer in layers)
                y = layer.forward(y);
            return y.MoveToOuterDisposeScope();
        }
    }

    private sealed class WithAttention : nn.Module<Tensor, Tensor>
    {
        private readonly MultiheadAttention attn;

        public WithAttention()
            : base("attention")
        {
            attn = nn.MultiheadAttention(4, 2);
            RegisterComponents();
            this.to(META);
        }

        public override Tensor forward(Tensor x) => attn.forward(x, x, x, null, false, null).Item1;
    }
}
