using PatchDpo.Torch.Weights;
using PatchDpo.Torch.Weights.Onnx;

namespace PatchDpo.Torch.Vision.Cnn;

/// <summary>Follows the graph of a ResNet in an ONNX file, node by node, and finds torchvision's names for its initialisers.</summary>
/// <remarks>
/// The names in such a file are numbers that say nothing, so the graph must tell; and it must be looked at anyway, for weights of another graph would
/// load and compute nonsense. What is followed is CNTK's export in Microsoft.ML.DnnImageFeaturizer.ResNet18: residual blocks of two 3 x 3 convolutions
/// without bias, normalisations by themselves, and paddings that are torchvision's or, with a step of 2, one less behind (equal where the halved map is
/// even). Channels are in the order blue, green, red: the first convolution's weights are turned round.
/// </remarks>
internal sealed class OnnxResNetGraph
{
    private const string Expected = "the ResNet-18 of Microsoft.ML.DnnImageFeaturizer.ResNet18";

    private const float Epsilon = 1e-5f;

    private static readonly int[] BlocksPerStage = [2, 2, 2, 3];

    private readonly OnnxFile _file;
    private readonly ILookup<string, OnnxNode> _takers;
    private readonly Dictionary<string, MappedTensor> _keys = new(StringComparer.Ordinal);
    private readonly HashSet<OnnxNode> _seen = new(ReferenceEqualityComparer.Instance);

    private OnnxResNetGraph(OnnxFile file)
    {
        _file = file;
        _takers = file.Nodes.SelectMany(n => n.Inputs.Distinct().Select(i => (Node: n, Input: i))).ToLookup(x => x.Input, x => x.Node, StringComparer.Ordinal);
    }

    /// <summary>The file's initialisers under torchvision's names, for channels in the order red, green, blue.</summary>
    /// <exception cref="UnknownModelException">The graph is another; the message names the node, or what was expected behind it.</exception>
    public static ITensorSource StateDict(OnnxFile file)
    {
        var graph = new OnnxResNetGraph(file);
        graph.Follow();
        return new MappedTensorSource(file, graph._keys);
    }

    private void Follow()
    {
        if (_file.Inputs.Count != 1)
            throw new UnknownModelException(_file.Path, null, $"{Expected} has one input, this ONNX graph has {_file.Inputs.Count}.");
        string value = Convolution(Only(_file.Inputs[0], "Conv"), "conv1", kernel: 7, stride: 2, MappedTensorKind.ReverseChannels);
        value = Output(Only(Normalisation(value, "bn1"), "Relu"));
        OnnxNode pooling = Only(value, "MaxPool");
        RequireWindow(pooling, kernel: 3, stride: 2);
        value = Output(pooling);
        for (int stage = 0; stage < BlocksPerStage.Length; stage++)
            for (int block = 0; block < BlocksPerStage[stage]; block++)
                value = Block(value, $"layer{stage + 1}.{block}", stride: stage > 0 && block == 0 ? 2 : 1);
        Output(Only(value, "AveragePool"));
        if (_file.Nodes.FirstOrDefault(n => !_seen.Contains(n)) is OnnxNode left)
            throw Fault(left, $"{Expected} has no such node at its place.");
    }

    /// <summary>A residual block; a step of 2 is where channels double, and the shortcut is a convolution there.</summary>
    private string Block(string input, string name, int stride)
    {
        OnnxNode[] takers = [.. _takers[input]];
        OnnxNode[] shortcuts = [.. takers.Where(n => stride == 1 ? n.Operation == "Add" : n.Operation == "Conv" && IsPointwise(n))];
        OnnxNode[] paths = [.. takers.Except(shortcuts)];
        if (takers.Length != 2 || shortcuts.Length != 1)
            throw Behind(input, $"the two paths of the block {name} ({(stride == 1 ? "Conv and Add" : "Conv 3 x 3 and Conv 1 x 1")})", takers);
        string value = Output(Only(Normalisation(Convolution(paths[0], name + ".conv1", 3, stride), name + ".bn1"), "Relu"));
        value = Normalisation(Convolution(Only(value, "Conv"), name + ".conv2", 3, 1), name + ".bn2");
        string shortcut = input;
        if (stride > 1)
        {
            shortcut = Normalisation(Convolution(shortcuts[0], name + ".downsample.0", 1, stride), name + ".downsample.1");
            }
        OnnxNode sum = Only(value, "Add");
        if (!sum.Inputs.Contains(shortcut))
            throw Fault(sum, $"it adds {string.Join(" and ", sum.Inputs.Select(KeyText.Quote))}, not {KeyText.Quote(value)} and {KeyText.Quote(shortcut)}.");
        return Output(Only(Output(sum), "Relu"));
    }

    private string Convolution(OnnxNode node, string name, int kernel, int stride, MappedTensorKind weights = MappedTensorKind.Copy)
    {
        if (node.Operation != "Conv")
            throw Fault(node, $"it is {Named(node)}; at {name} of {Expected} is a Conv.");
        RequireWindow(node, kernel, stride);
        Initialisers(node, 1, $"{name}: a convolution without bias");
        _keys[name + ".weight"] = new MappedTensor(weights, [node.Inputs[1]]);
        return Output(node);
    }

    private string Normalisation(string input, string name)
    {
        OnnxNode node = Only(input, "BatchNormalization");
        if (Math.Abs(node.Floats.GetValueOrDefault("epsilon", Epsilon) - Epsilon) > Epsilon / 100 || Integer(node, "spatial", 1) != 1)
            throw Fault(node, $"its epsilon is {node.Floats.GetValueOrDefault("epsilon")}, or it is not spatial; {Expected} has {Epsilon} and is.");
        Initialisers(node, 4, $"{name}: scale, bias, mean and variance");
        foreach ((string part, string key) in new[] { "weight", "bias", "running_mean", "running_var" }.Zip(node.Inputs.Skip(1)))
            _keys[$"{name}.{part}"] = MappedTensor.Copy(key);
        return Output(node);
    }

    private void Initialisers(OnnxNode node, int count, string what)
    {
        if (node.Inputs.Count != count + 1 || node.Inputs.Skip(1).FirstOrDefault(i => !_file.Contains(i)) is not null)
            throw Fault(node, $"it takes {string.Join(", ", node.Inputs.Select(KeyText.Quote))}; {Expected} has a value and {count} initialisers ({what}).");
    }

    private void RequireWindow(OnnxNode node, int kernel, int stride)
    {
        int before = kernel / 2;
        long[][] pads = stride == 1 || kernel == 1 ? [[before, before, before, before]]
            : [[before, before, before, before], [before, before, before - 1, before - 1]];
        Require("kernel_shape", [kernel, kernel]);
        Require("strides", [stride, stride]);
        Require("pads", pads);
        Require("dilations", [1, 1]);
        if (Integer(node, "group", 1) != 1 || Integer(node, "ceil_mode", 0) != 0)
            throw Fault(node, $"it works in groups or rounds up; in {Expected} it does not.");

        void Require(string name, params long[][] allowed)
        {
            // What is not there has ONNX's default: no step, no padding.
            long[] found = node.Integers.TryGetValue(name, out IReadOnlyList<long>? values) ? [.. values]
                : name is "pads" ? [0, 0, 0, 0] : name is "kernel_shape" ? [] : [1, 1];
            if (!allowed.Any(a => a.AsSpan().SequenceEqual(found)))
                throw Fault(node, $"its {name} are [{string.Join(",", found)}]; {Expected} has [{string.Join(",", allowed[0])}] here.");
        }
    }

    private static bool IsPointwise(OnnxNode node) => node.Integers.TryGetValue("kernel_shape", out IReadOnlyList<long>? kernel) && kernel.All(k => k == 1);

    private static long Integer(OnnxNode node, string name, long missing)
        => node.Integers.TryGetValue(name, out IReadOnlyList<long>? values) ? values[0] : missing;

    /// <summary>The only node that takes a value.</summary>
    private OnnxNode Only(string value, string operation)
    {
        OnnxNode[] takers = [.. _takers[value]];
        return takers.Length == 1 && takers[0].Operation == operation ? takers[0] : throw Behind(value, $"one {operation}", takers);
    }

    /// <summary>A node's only output; each node is passed once.</summary>
    private string Output(OnnxNode node)
    {
        if (!_seen.Add(node))
            throw Fault(node, "the graph comes back to it.");
        return node.Outputs.Count == 1 ? node.Outputs[0] : throw Fault(node, $"it has {node.Outputs.Count} outputs, not one.");
    }

    private UnknownModelException Behind(string value, string expected, OnnxNode[] found)
        => new(_file.Path, value, $"behind this value {Expected} has {expected}; the ONNX graph has "
            + $"{(found.Length == 0 ? "nothing" : string.Join(" and ", found.Select(Named)))}.");

    private UnknownModelException Fault(OnnxNode node, string problem)
        => new(_file.Path, node.Name, $"this node of the ONNX graph ({node.Operation}): {problem}");

    private static string Named(OnnxNode node) => $"{node.Operation} {KeyText.Quote(node.Name)}";
}
