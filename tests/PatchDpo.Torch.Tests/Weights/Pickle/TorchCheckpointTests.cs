using PatchDpo.Tests;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.Weights;
using PatchDpo.Torch.Weights.Pickle;
using PatchDpo.Torch.Weights.Safetensors;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Weights.Pickle;

public sealed class TorchCheckpointTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void The_official_adapter_file_has_the_tensors_of_its_safetensors_form_in_half_precision()
    {
        using DisposeScope scope = NewDisposeScope();
        using TorchCheckpoint checkpoint = TorchCheckpoint.Open(Fixtures.Path("07_patchdpo", "ip_plus_tiny.official_half.bin"));
        using SafetensorsFile full = SafetensorsFile.Open(Fixtures.Path("07_patchdpo", "ip_plus_tiny.weights.safetensors"));
        Assert.Equal(full.Keys.Order(StringComparer.Ordinal), checkpoint.Keys.Order(StringComparer.Ordinal));
        foreach (string key in full.Keys)
        {
            Assert.Equal(float16, checkpoint.DType(key));
            Assert.Equal(full.Shape(key), checkpoint.Shape(key));
            Fixtures.AssertClose(checkpoint.Read(key), full.Read(key, dtype: float16), 0, key);
        }
    }

    // The sums were taken with PyTorch 1.13.1.
    [SkippableTheory]
    [InlineData("alike-t.pth", 59, "block1.conv1.weight", 2.961816257360624, 5124600.717962746)]
    [InlineData("resnet20-cifar10.th", 97, "state_dict.module.conv1.weight", 1.3100982000032673, 21349.562590950623)]
    [InlineData("tfeat-liberty.params", 6, "features.1.weight", -1.8325421509507578, 8520.372900435981)]
    public void Real_checkpoints_of_both_formats_have_the_values_that_PyTorch_reads(string name, int count, string first, double firstSum, double absoluteSum)
    {
        using TorchCheckpoint checkpoint = TorchCheckpoint.Open(Fixtures.SharedOrSkip("real", "weights", name));
        using DisposeScope scope = NewDisposeScope();
        Assert.Equal(count, checkpoint.Keys.Count);
        Assert.Equal(first, checkpoint.Keys[0]);
        Assert.Equal(firstSum, checkpoint.Read(first).to(float64).sum().item<double>(), 1e-9);
        Assert.Equal(absoluteSum, checkpoint.Keys.Sum(k => checkpoint.Read(k).to(float64).abs().sum().item<double>()), absoluteSum * 1e-12);
    }

    [SkippableFact]
    public void Numbers_beside_the_tensors_are_values()
    {
        using TorchCheckpoint checkpoint = TorchCheckpoint.Open(Fixtures.SharedOrSkip("real", "weights", "resnet20-cifar10.th"));
        Assert.Equal(91.78, Assert.IsType<double>(checkpoint.Values["best_prec1"]), 1e-3);
    }

    [Fact]
    public void Views_of_one_storage_give_their_own_elements()
    {
        SamplePickle pickle = new SamplePickle().Op("}(");
        pickle.Text("whole").Tensor("0", [4], [1]);
        pickle.Text("transposed").Tensor("0", [2, 2], [1, 2]);
        pickle.Text("last").Tensor("0", [], [], offset: 3);
        pickle.Text("odd").Tensor("0", [2], [2], offset: 1);
        pickle.Text("empty").Tensor("0", [0, 3], [3, 1]);
        using DisposeScope scope = NewDisposeScope();
        using TorchCheckpoint checkpoint = TorchCheckpoint.Open(_folder.Write("a.pth", CheckpointBytes.Checkpoint(pickle.Op("u").Stop())));
        Assert.Equal(["whole", "transposed", "last", "odd", "empty"], checkpoint.Keys);
        Assert.Equal([1, 2, 3, 4], checkpoint.Read("whole").data<float>().ToArray());
        Assert.Equal([1, 3, 2, 4], checkpoint.Read("transposed").data<float>().ToArray());
        Assert.Equal(4, checkpoint.Read("last").item<float>());
        Assert.Equal([2, 4], checkpoint.Read("odd").data<float>().ToArray());
        Assert.Equal([0L, 3L], checkpoint.Read("empty").shape);
        Tensor target = zeros(2, 2, float64);
        checkpoint.CopyTo("transposed", target);
        Assert.Equal([1, 3, 2, 4], target.data<double>().ToArray());
    }

    [Fact]
    public void Nested_dictionaries_and_lists_give_dotted_names_and_plain_values_stand_aside()
    {
        SamplePickle pickle = new SamplePickle().Op("}(").Text("epoch").Int(7).Text("best").Double(0.5).Text("arch").Text("vit").Text("ema").Raw(0x88)
            .Text("none").Op("N");
        pickle.Text("states").Op("](").Global("collections", "OrderedDict").Op(")R").Text("w").Tensor("0", [4], [1]).Op("s");
        pickle.Op("}").Int(3).Tensor("0", [2], [1]).Op("s").Op("e").Op("u");
        using TorchCheckpoint checkpoint = TorchCheckpoint.Open(_folder.Write("a.pth", CheckpointBytes.Checkpoint(pickle.Stop())));
        Assert.Equal(["states.0.w", "states.1.3"], checkpoint.Keys);
        Assert.Equal(new Dictionary<string, object> { ["epoch"] = 7L, ["best"] = 0.5, ["arch"] = "vit", ["ema"] = true }, checkpoint.Values);
    }

    [Fact]
    public void A_module_is_filled_from_a_checkpoint()
    {
        using DisposeScope scope = NewDisposeScope();
        SamplePickle pickle = new SamplePickle().Op("}").Text("net").Op("}").Text("weight").Tensor("0", [1, 4], [4, 1]).Op("s").Op("s");
        using ITensorFile file = WeightsFile.Open(_folder.Write("a.bin", CheckpointBytes.Checkpoint(pickle.Stop())));
        Assert.IsType<TorchCheckpoint>(file);
        foreach (Device device in new[] { CPU, META })
        {
            using TorchSharp.Modules.Linear linear = nn.Linear(4, 1, hasBias: false, device: device);
            StateDictLoader.Load(linear, file, "net.");
            Assert.Equal([1, 2, 3, 4], linear.weight.data<float>().ToArray());
        }
    }

    [Fact]
    public void The_content_decides_which_format_a_weight_file_has()
    {
        using DisposeScope scope = NewDisposeScope();
        string path = _folder.File("misnamed.bin");
        SafetensorsWriter.Write(path, new Dictionary<string, Tensor> { ["w"] = ones(2) });
        using ITensorFile file = WeightsFile.Open(path);
        Assert.IsType<SafetensorsFile>(file);
        byte[] legacy = CheckpointBytes.Legacy(new SamplePickle().Tensor("a", [4], [1], legacy: true).Stop(), [("a", CheckpointBytes.Floats, 4)]);
        using ITensorFile old = WeightsFile.Open(_folder.Write("misnamed.safetensors", legacy));
        Assert.IsType<TorchCheckpoint>(old);
        Assert.Equal([1, 2, 3, 4], old.Read("").data<float>().ToArray());
        Assert.Throws<WeightsFormatException>(() => WeightsFile.Open(_folder.Write("empty", [])));
        WeightsFormatException e = Assert.Throws<WeightsFormatException>(() => WeightsFile.Open(_folder.Write("a.png", [0x89, .. "PNG\r\n\u001a\n\0\0\0"u8])));
        Assert.EndsWith("this is a PNG image, not a weight file.", e.Message, StringComparison.Ordinal);
        e = Assert.Throws<WeightsFormatException>(() => WeightsFile.Open(_folder.Write("noise", [0xff, 1, 2, 3, 4, 5, 6, 7, 8, 9])));
        Assert.EndsWith("this is neither a safetensors file nor a PyTorch checkpoint.", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Reading_leaks_nothing()
    {
        string path = Fixtures.Path("07_patchdpo", "ip_plus_tiny.official_half.bin");
        long before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        using (TorchCheckpoint checkpoint = TorchCheckpoint.Open(path))
        {
            using Tensor target = zeros(checkpoint.Shape(checkpoint.Keys[0]));
            checkpoint.CopyTo(checkpoint.Keys[0], target);
            foreach (string key in checkpoint.Keys)
                checkpoint.Read(key).Dispose();
        }
        Assert.Equal(before, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
    }
}
