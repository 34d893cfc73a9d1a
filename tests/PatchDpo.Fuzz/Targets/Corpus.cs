using System.Text;
using PatchDpo.Tests;
using PatchDpo.Torch.Weights.Safetensors;
using TorchSharp;
using static PatchDpo.Tests.CheckpointBytes;
using static TorchSharp.torch;

namespace PatchDpo.Fuzz.Targets;

/// <summary>Small sound files of each format: built here, and the smallest of the golden ones where they are found.</summary>
internal static class Corpus
{
    public static List<Sample> Safetensors()
    {
        using DisposeScope scope = NewDisposeScope();
        return
        [
            One("a.safetensors", Write(new() { ["w"] = ones(2, 3) })),
            One("a.safetensors", Write(new())),
            One("a.safetensors",
                Write(new() { ["a"] = ones(2), ["b"] = ones(3, bfloat16), ["c"] = ones([2, 2], float16), ["d"] = ones(2, int64), ["e"] = tensor(true),
                ["f"] = empty(0, 4), ["g"] = ones(5, uint8) })),
            One("a.safetensors", Write(new() { ["重み"] = full(2, float.NaN), ["a\0b"] = ones(1, float64), ["../c"] = ones(1, int16) },
                new() { ["format"] = "pt", ["n"] = "1" })),
            .. Golden("07_patchdpo/adamw_unit.safetensors", "07_patchdpo/image_proj_others.weights.safetensors"),
        ];
    }

    public static List<Sample> ZipCheckpoints()
    {
        ZipEntry order = new("archive/byteorder", Encoding.ASCII.GetBytes("little")), version = new("archive/version", Encoding.ASCII.GetBytes("3\n"));
        ZipEntry bools = new("archive/data/1", [0, 1, 255, 2]), halves = new("archive/data/2", new byte[8]);
        return
        [
            One("a.pth", Checkpoint(new SamplePickle().Op("}").Text("w").Tensor("0", [2, 2], [2, 1]).Op("s").Stop())),
            One("a.pth", Checkpoint(Views().Stop(), order, version)),
            One("a.pth", Checkpoint(Training().Stop(), bools, halves, version)),
            One("a.pth", Checkpoint(Protocol4().Stop(), order)),
        ];
    }

    public static List<Sample> LegacyCheckpoints() =>
    [
        One("a.pth", Legacy(new SamplePickle().Op("}").Text("w").Tensor("0", [4], [1], legacy: true).Op("s").Stop(), [("0", Floats, 4)])),
        One("a.pth", Legacy(
            new SamplePickle().Op("}(").Text("a").Tensor("0", [2, 2], [1, 2], legacy: true).Text("b")
                .Tensor("1", [2], [1], offset: 1, type: "LongStorage", count: 3, legacy: true).Text("epoch").Int(7).Op("u").Stop(),
            [("0", Floats, 4), ("1", new byte[24], 3)])),
    ];

    public static List<Sample> QualityMaps()
    {
        SamplePickle Maps(string dtype, byte[] data, long[] shape, bool fortran = false)
        {
            SamplePickle pickle = new SamplePickle().Op("]](}(").Text("target_map");
            Array(pickle, dtype, data, shape, fortran).Op("q\0").Text("gene_map").Op("h\0uea");
            return pickle;
        }
        return
        [
            One("a.pkl", Maps("f4", new byte[24], [2, 3]).Stop()),
            One("a.pkl", Maps("f8", new byte[32], [2, 2], fortran: true).Stop()),
            One("a.pkl", Maps("f2", new byte[8], [1, 4]).Stop()),
            One("a.pkl", Maps("b1", [0, 1, 255], [3, 1]).Stop()),
            One("a.pkl", new SamplePickle(4).Op("]]a").Stop()),
            .. Golden("07_patchdpo/patch_quality_sample.pkl"),
        ];
    }

    public static List<Sample> Sharded()
    {
        using DisposeScope scope = NewDisposeScope();
        byte[] one = Write(new() { ["a"] = ones(2), ["c"] = ones([2, 2], float16) }), two = Write(new() { ["b"] = ones(3, int64) });
        byte[] checkpoint = Checkpoint(new SamplePickle().Op("}").Text("w").Tensor("0", [2, 2], [2, 1]).Op("s").Stop());
        const string Index = "model.safetensors.index.json";
        return
        [
            new(
                new(Index, Encoding.UTF8.GetBytes("""{"metadata": {"total_size": 40}, "weight_map": {"a": "one.safetensors", "b": "two.safetensors", "c": "one.safetensors"}}""")),
                new("one.safetensors", one), new("two.safetensors", two)),
            new(
                new(Index, Encoding.UTF8.GetBytes("""{"weight_map": {"w": "one.bin", "b": "two.safetensors"}}""")),
                new("one.bin", checkpoint), new("two.safetensors", two)),
        ];
    }

    public static List<Sample> Onnx() =>
    [
        One("a.onnx", OnnxBytes.Model(OnnxBytes.Initialiser("w", [2, 3], [1, 2, 3, 4, 5, 6]), OnnxBytes.Initialiser("n", [2], 7, OnnxBytes.Raw(9, new byte[16])))),
        One("a.onnx", OnnxResNet.Create(width: 1).ToBytes()),
        One("a.onnx", OnnxBytes.Model(
            OnnxBytes.Node("Conv", "c", ["x", "w"], ["y"], OnnxBytes.Attribute("strides", 2, 2), OnnxBytes.Attribute("epsilon", 1e-5f)), OnnxBytes.Input("x"), OnnxBytes.Input("z"),
            OnnxBytes.Initialiser("w", [1], 11, OnnxBytes.Raw(10, new byte[8])))),
    ];

    // Tensors that are not their storage: transposed, cut out, with steps, empty, and a scalar.
    private static SamplePickle Views() => new SamplePickle().Op("}(")
        .Text("whole").Tensor("0", [4], [1]).Text("transposed").Tensor("0", [2, 2], [1, 2]).Text("part").Tensor("0", [2], [1], offset: 1)
        .Text("steps").Tensor("0", [2], [2], offset: 1).Text("empty").Tensor("0", [0, 3], [3, 1]).Text("scalar").Tensor("0", [], [], offset: 3).Op("u");

    // What training writes: nested dictionaries, parameters, numbers, numpy's scalars, the attribute of an OrderedDict.
    private static SamplePickle Training()
    {
        SamplePickle pickle = new SamplePickle().Op("}(").Text("epoch").Int(7).Text("loss").Double(0.5).Text("done").Raw(0x88).Text("none").Op("N").Text("args")
            .Op("](").Int(1).Text("x").Op("e");
        pickle.Text("best").Global("numpy.core.multiarray", "scalar").Op("(").Global("numpy", "dtype").Op("(").Text("f4").Raw(0x89, 0x88).Op("tR(").Int(3)
            .Text("<").Op("NNNJ").Raw(0xff, 0xff, 0xff, 0xff).Op("tb");
        pickle.Global("_codecs", "encode").Op("(").Text("abcd").Text("latin1").Op("tRtR");
        pickle.Text("state_dict").Global("collections", "OrderedDict").Op(")R(");
        pickle.Text("conv.weight").Global("torch._utils", "_rebuild_parameter").Op("(").Tensor("0", [2, 2], [2, 1]).Raw(0x88)
            .Global("collections", "OrderedDict").Op(")RtR");
        pickle.Text("mask").Tensor("1", [4], [1], type: "BoolStorage").Text("half").Tensor("2", [2, 2], [2, 1], type: "HalfStorage").Op("u");
        return pickle.Op("}").Text("_metadata").Op("}sbu");
    }

    private static SamplePickle Protocol4() => new SamplePickle(4).Op("}").Raw(0x94).Op("(").Raw(0x8c, 1, (byte)'w').Raw(0x94).Tensor("0", [2, 2], [2, 1])
        .Raw(0x94)
        .Raw(0x8c, 4).Op("size").Global("torch", "Size").Op("K\u0002K\u0003").Raw(0x86).Raw(0x85).Op("R").Raw(0x8c, 5).Op("dtype").Global("torch", "float16")
            .Op("u");

    private static SamplePickle Array(SamplePickle pickle, string dtype, byte[] data, long[] shape, bool fortran)
    {
        pickle.Global("numpy.core.multiarray", "_reconstruct").Op("(").Global("numpy", "ndarray").Tuple(0).Op("C").Raw(1, (byte)'b').Op("tR(").Int(1)
            .Tuple(shape);
        pickle.Global("numpy", "dtype").Op("(").Text(dtype).Raw(0x89, 0x88).Op("tR(").Int(3).Text("<").Op("NNNJ").Raw(0xff, 0xff, 0xff, 0xff).Op("tb")
            .Raw(fortran ? (byte)0x88 : (byte)0x89);
        return pickle.Op("C").Raw((byte)data.Length).Raw(data).Op("tb");
    }

    private static byte[] Write(Dictionary<string, Tensor> tensors, Dictionary<string, string>? metadata = null)
    {
        using MemoryStream stream = new();
        SafetensorsWriter.Write(stream, tensors, metadata);
        return stream.ToArray();
    }

    private static Sample One(string name, byte[] bytes) => new(new Sample.File(name, bytes));

    // The program also runs where the repository is not.
    private static IEnumerable<Sample> Golden(params string[] names)
    {
        DirectoryInfo? folder = new(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "PatchDpo.sln")))
            folder = folder.Parent;
        if (folder is null)
            return [];
        return names.Select(n => Path.Combine(folder.FullName, "tests", "fixtures", n)).Where(File.Exists)
            .Select(p => One("a" + Path.GetExtension(p), File.ReadAllBytes(p)));
    }
}
