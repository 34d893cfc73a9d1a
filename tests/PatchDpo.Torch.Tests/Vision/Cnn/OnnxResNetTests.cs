using PatchDpo.Tests;
using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.Vision.Cnn;
using PatchDpo.Torch.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Vision.Cnn;

/// <summary>The ResNet of an ONNX file: its weights by its graph, and no other graph.</summary>
public sealed class OnnxResNetTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void The_graph_tells_each_weights_place_and_channels_come_as_blue_green_red()
    {
        LeakCheck.Run(() =>
        {
            using DisposeScope scope = NewDisposeScope();
            OnnxResNet net = OnnxResNet.Create();
            using var encoder = (ResNet)PatchEncoder.FromFile(Write(net));
            Assert.Equal([2, 2, 2, 3], encoder.Config.Layers);
            using ResNet expected = new(encoder.Config);
            foreach ((string key, Tensor value) in expected.state_dict().Where(s => net.Tensors.ContainsKey(s.Key)))
                using (no_grad())
                    value.copy_(tensor(net.Tensors[key].Values).reshape(net.Tensors[key].Shape));
            expected.eval();
            Tensor pixels = randn(1, 3, 64, 96);
            // The file takes pixels in 0..255 without their means.
            Tensor deviations = tensor(new[] { 0.229f, 0.224f, 0.225f }).reshape(1, 3, 1, 1) * 255f;
            foreach ((Tensor actual, Tensor map) in encoder.FeatureMaps(pixels / deviations).Zip(expected.FeatureMaps(pixels.flip(1))))
                Fixtures.AssertClose(actual, map, 1e-4, "map");
        });
    }

    [Fact]
    public void Pixels_lose_the_means_of_the_files_own_preparation()
    {
        using DisposeScope scope = NewDisposeScope();
        using IVisionEncoder encoder = PatchEncoder.FromFile(Write(OnnxResNet.Create()));
        Tensor pixels = encoder.Preprocessor.Preprocess(new ImageBuffer(300, 300, 3, [.. Enumerable.Repeat((byte)200, 300 * 300 * 3)]));
        Assert.Equal([3, 224, 224], pixels.shape);
        Fixtures.AssertClose(pixels.mean([1, 2]) * 255f * tensor(new[] { 0.229f, 0.224f, 0.225f }),
            tensor(new[] { 200 - 123.1516f, 200 - 115.9029f, 200 - 103.0626f }), 1e-3, "mean");
    }

    [Fact]
    public void What_was_trained_keeps_its_input_and_its_use_in_the_folder()
    {
        using DisposeScope scope = NewDisposeScope();
        var image = new ImageBuffer(70, 64, 3, [.. Enumerable.Range(0, 70 * 64 * 3).Select(i => (byte)(i * 7))]);
        VisionFeatures before, after;
        using (IVisionEncoder encoder = PatchEncoder.FromFile(
            Write(OnnxResNet.Create()), options: new VisionEncoderOptions { PatchStages = [2, 4], PatchSize = 8, ImageSize = 64 }))
        {
            before = encoder.Encode(encoder.Preprocessor.Preprocess(image).unsqueeze(0));
            PatchEncoder.Save(encoder, _folder.File("trained"));
        }
        using (IVisionEncoder encoder = PatchEncoder.FromFolder(_folder.File("trained")))
            after = encoder.Encode(encoder.Preprocessor.Preprocess(image).unsqueeze(0));
        Assert.Equal([1, 8, 8, 8 + 32], before.Patches.shape);
        Fixtures.AssertClose(after.Patches, before.Patches, 1e-6, "patches");
        using IVisionEncoder chosen = PatchEncoder.FromFolder(_folder.File("trained"), options: new VisionEncoderOptions { PatchStages = [4] });
        Assert.Equal(32, chosen.Encode(chosen.Preprocessor.Preprocess(image).unsqueeze(0)).Patches.shape[3]);
    }

    public static TheoryData<string, string, byte[]?, string[]> Others() => new()
    {
        { "a node is gone", "node relu.bn1_Output_0", null, ["bn1_Output_0", "one Relu", "nothing"] },
        { "another operation", "node relu.layer2.0.bn1_Output_0",
            OnnxBytes.Node("Sigmoid", "s", ["layer2.0.bn1_Output_0"], ["relu.layer2.0.bn1_Output_0_Output_0"]), ["one Relu", "Sigmoid 's'"] },
        { "another stride", "node layer3.1.conv1", Convolution("layer3.1.conv1", "relu.layer3.0.sum_Output_0_Output_0", [2, 2], [1, 1, 1, 1]),
            ["layer3.1.conv1", "strides are [2,2]", "[1,1]"] },
        { "another padding", "node layer3.1.conv1", Convolution("layer3.1.conv1", "relu.layer3.0.sum_Output_0_Output_0", [1, 1], [0, 0, 0, 0]),
            ["layer3.1.conv1", "pads are [0,0,0,0]"] },
        { "a weight that is computed", "initialiser layer3.1.conv1.weight", null, ["layer3.1.conv1", "1 initialisers"] },
        { "a node more", "node zz", OnnxBytes.Node("Identity", "zz", ["nothing"], ["z"]), ["'zz'", "Identity", "no such node"] },
        { "a classifier", "node zz", OnnxBytes.Node("Gemm", "zz", ["Pooling395_Output_0"], ["z"]), ["'zz'", "Gemm"] },
        { "another epsilon", "node bn1", OnnxBytes.Node("BatchNormalization", "bn1",
            ["conv1_Output_0", "Parameter1", "Parameter2", "Parameter3", "Parameter4"], ["bn1_Output_0"], OnnxBytes.Attribute("epsilon", 1e-3f)),
            ["'bn1'", "epsilon", "0.001"] },
        { "quantised", "node conv1", OnnxBytes.Node("QLinearConv", "conv1", ["Input247"], ["conv1_Output_0"]), ["Input247", "one Conv", "QLinearConv"] },
        { "two inputs", "input2", OnnxBytes.Input("more"), ["has one input", "2"] },
    };

    [Theory]
    [MemberData(nameof(Others))]
    public void Another_graph_is_refused_by_the_node_or_the_value_where_it_differs(string what, string field, byte[]? replacement, string[] expected)
    {
        OnnxResNet net = OnnxResNet.Create();
        if (replacement is null)
            Assert.True(net.Fields.Remove(field), what);
        else
            net.Fields[field] = replacement;
        string path = Write(net);
        string message = Assert.Throws<UnknownModelException>(() => PatchEncoder.FromFile(path)).Message;
        Assert.All([path, "Microsoft.ML.DnnImageFeaturizer.ResNet18", .. expected], part => Assert.Contains(part, message, StringComparison.Ordinal));
    }

    [Fact]
    public void A_weight_of_another_shape_is_refused_with_both_shapes()
    {
        OnnxResNet net = OnnxResNet.Create();
        net.Fields["initialiser layer1.0.conv1.weight"] = OnnxBytes.Initialiser(net.Names["layer1.0.conv1.weight"], [2, 4, 3, 3], new float[72]);
        string path = Write(net);
        string message = Assert.Throws<StateDictMismatchException>(() => PatchEncoder.FromFile(path)).Message;
        Assert.Contains("layer1.0.conv1.weight", message, StringComparison.Ordinal);
        Assert.Contains("2,4,3,3", message, StringComparison.Ordinal);
    }

    private static byte[] Convolution(string name, string input, long[] strides, long[] pads)
    {
        string weight = OnnxResNet.Create().Names[name + ".weight"];
        return OnnxBytes.Node("Conv", name, [input, weight], [name + "_Output_0"], OnnxBytes.Attribute("kernel_shape", 3, 3),
            OnnxBytes.Attribute("strides", strides), OnnxBytes.Attribute("pads", pads));
    }

    private string Write(OnnxResNet net)
    {
        string path = _folder.File("model.onnx");
        File.WriteAllBytes(path, net.ToBytes());
        return path;
    }
}
