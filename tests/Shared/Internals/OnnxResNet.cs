namespace PatchDpo.Tests;

/// <summary>A small ResNet as CNTK exports ImageNet's ResNet-18: the same graph with fewer channels, and values drawn from a seed.</summary>
/// <param name="width">Channels of the first stage.</param>
/// <param name="seed">Draws the values.</param>
internal sealed class OnnxResNet(int width, int seed)
{
    private static readonly int[] Blocks = [2, 2, 2, 3];

    private readonly Random _random = new(seed);
    private int _values;

    /// <summary>The graph's fields, each node and each initialiser by its name; to be changed before <see cref="ToBytes"/>.</summary>
    public SortedDictionary<string, byte[]> Fields { get; } = new(StringComparer.Ordinal);

    /// <summary>The values of each initialiser by torchvision's key.</summary>
    public Dictionary<string, (long[] Shape, float[] Values)> Tensors { get; } = [];

    /// <summary>The names of initialisers by torchvision's key.</summary>
    public Dictionary<string, string> Names { get; } = [];

    /// <summary>Builds the graph.</summary>
    public static OnnxResNet Create(int width = 4, int seed = 1)
    {
        var net = new OnnxResNet(width, seed);
        net.Build();
        return net;
    }

    /// <summary>The file.</summary>
    public byte[] ToBytes() => OnnxBytes.Model(Fields.Values);

    private void Build()
    {
        Fields["input"] = OnnxBytes.Input("Input247");
        string x = Relu(Norm(Conv("Input247", "conv1", 3, width, 7, 2), "bn1", width));
        x = Node("MaxPool", "Pooling255", [x], OnnxBytes.Attribute("kernel_shape", 3, 3), OnnxBytes.Attribute("strides", 2, 2),
            OnnxBytes.Attribute("pads", 1, 1, 0, 0));
        int channels = width;
        for (int stage = 0; stage < Blocks.Length; stage++)
            for (int block = 0; block < Blocks[stage]; block++)
            {
                string name = $"layer{stage + 1}.{block}";
                int planes = width << stage, stride = stage > 0 && block == 0 ? 2 : 1;
                string shortcut = stride == 1 ? x : Norm(Conv(x, name + ".downsample.0", channels, planes, 1, stride), name + ".downsample.1", planes);
                string y = Relu(Norm(Conv(x, name + ".conv1", channels, planes, 3, stride), name + ".bn1", planes));
                y = Norm(Conv(y, name + ".conv2", planes, planes, 3, 1), name + ".bn2", planes);
                x = Relu(Node("Add", name + ".sum", [y, shortcut]));
                channels = planes;
            }
        Node("AveragePool", "Pooling395", [x], OnnxBytes.Attribute("kernel_shape", 7, 7));
    }

    private string Conv(string input, string key, int from, int to, int kernel, int stride)
    {
        string weight = Tensor($"{key}.weight", [to, from, kernel, kernel], (float)Math.Sqrt(2.0 / (to * kernel * kernel)), 0);
        long before = kernel / 2, after = kernel > 1 && stride > 1 ? before - 1 : before;
        return Node("Conv", key, [input, weight], OnnxBytes.Attribute("kernel_shape", kernel, kernel), OnnxBytes.Attribute("strides", stride, stride),
            OnnxBytes.Attribute("group", 1), OnnxBytes.Attribute("dilations", 1, 1), OnnxBytes.Attribute("pads", before, before, after, after));
    }

    private string Norm(string input, string key, int channels)
        => Node("BatchNormalization", key,
            [input, Tensor($"{key}.weight", [channels], 0.1f, 1), Tensor($"{key}.bias", [channels], 0.1f, 0),
                Tensor($"{key}.running_mean", [channels], 0.1f, 0), Tensor($"{key}.running_var", [channels], 0.05f, 1)],
            OnnxBytes.Attribute("spatial", 1), OnnxBytes.Attribute("epsilon", 1e-5f));

    private string Relu(string input) => Node("Relu", "relu." + input, [input]);

    private string Node(string operation, string name, string[] inputs, params byte[][] attributes)
    {
        string output = name + "_Output_0";
        Fields["node " + name] = OnnxBytes.Node(operation, name, inputs, [output], attributes);
        return output;
    }

    private string Tensor(string key, long[] shape, float deviation, float mean)
    {
        string name = $"Parameter{_values++}";
        float[] values = [.. Enumerable.Range(0, (int)shape.Aggregate(1L, (p, d) => p * d)).Select(_ => mean + (deviation * ((2 * _random.NextSingle()) - 1)))];
        Tensors[key] = (shape, values);
        Names[key] = name;
        Fields["initialiser " + key] = OnnxBytes.Initialiser(name, shape, values);
        return name;
    }
}
