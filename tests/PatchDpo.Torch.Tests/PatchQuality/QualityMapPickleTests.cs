using PatchDpo.Tests;
using PatchDpo.Torch.PatchQuality;
using PatchDpo.Torch.Weights;
using PatchDpo.Torch.Weights.Pickle;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.PatchQuality;

public sealed class QualityMapPickleTests : IDisposable
{
    // pickle.dumps([[{"target_map": a, "gene_map": asfortranarray(float32(a) + 0.25)}], []]) with a = arange(6, float64).reshape(2, 3) / 8, numpy 1.24.
    private const string Protocol2 = "gAJdcQAoXXEBfXECKFgKAAAAdGFyZ2V0X21hcHEDY251bXB5LmNvcmUubXVsdGlhcnJheQpfcmVjb25zdHJ1Y3QKcQRjbnVtcHkKbmRhcnJheQpxBUsAhXEGY19jb2RlY3MKZW5jb2RlCnEHWAEAAABicQhYBgAAAGxhdGluMXEJhnEKUnELh3EMUnENKEsBSwJLA4ZxDmNudW1weQpkdHlwZQpxD1gCAAAAZjhxEImIh3ERUnESKEsDWAEAAAA8cRNOTk5K/////0r/////SwB0cRRiiWgHWDUAAAAAAAAAAAAAAAAAAAAAAMOAPwAAAAAAAMOQPwAAAAAAAMOYPwAAAAAAAMOgPwAAAAAAAMOkP3EVaAmGcRZScRd0cRhiWAgAAABnZW5lX21hcHEZaARoBUsAhXEaaAuHcRtScRwoSwFLAksDhnEdaA9YAgAAAGY0cR6JiIdxH1JxIChLA2gTTk5OSv////9K/////0sAdHEhYohoB1gaAAAAAADCgD4AACA/AADDgD4AAEA/AAAAPwAAYD9xImgJhnEjUnEkdHElYnVhXXEmZS4=";
    private const string Protocol4 = "gASVOQEAAAAAAABdlChdlH2UKIwKdGFyZ2V0X21hcJSMFW51bXB5LmNvcmUubXVsdGlhcnJheZSMDF9yZWNvbnN0cnVjdJSTlIwFbnVtcHmUjAduZGFycmF5lJOUSwCFlEMBYpSHlFKUKEsBSwJLA4aUaAeMBWR0eXBllJOUjAJmOJSJiIeUUpQoSwOMATyUTk5OSv////9K/////0sAdJRiiUMwAAAAAAAAAAAAAAAAAADAPwAAAAAAANA/AAAAAAAA2D8AAAAAAADgPwAAAAAAAOQ/lHSUYowIZ2VuZV9tYXCUaAZoCUsAhZRoC4eUUpQoSwFLAksDhpRoEIwCZjSUiYiHlFKUKEsDaBROTk5K/////0r/////SwB0lGKIQxgAAIA+AAAgPwAAwD4AAEA/AAAAPwAAYD+UdJRidWFdlGUu";

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(Protocol2)]
    [InlineData(Protocol4)]
    public void Arrays_of_both_orders_and_protocols_are_read(string base64)
    {
        IReadOnlyList<IReadOnlyList<QualityMapPair>> maps = QualityMapPickle.Read(_folder.Write("a.pkl", Convert.FromBase64String(base64)));
        Assert.Equal([1, 0], maps.Select(m => m.Count));
        (QualityMap reference, QualityMap generated) = maps[0][0];
        Assert.Equal((2, 3), (reference.Height, reference.Width));
        Assert.Equal([0, 0.125f, 0.25f, 0.375f, 0.5f, 0.625f], reference.Values);
        Assert.Equal([0.25f, 0.375f, 0.5f, 0.625f, 0.75f, 0.875f], generated.Values);
    }

    [Fact]
    public void The_official_sample_holds_the_maps_of_the_first_training_step()
    {
        using DisposeScope scope = NewDisposeScope();
        IReadOnlyList<IReadOnlyList<QualityMapPair>> maps = QualityMapPickle.Read(Fixtures.Path("07_patchdpo", "patch_quality_sample.pkl"));
        Dictionary<string, Tensor> step = Fixtures.Tensors(Fixtures.Path("07_patchdpo", "train.in.safetensors"));
        Assert.Equal(step["step1.target_rmap"].shape[0], maps.Count);
        for (int k = 0; k < maps.Count; k++)
        {
            Assert.Equal(step["step1.target_rmap"][k].data<float>().ToArray(), maps[k][0].Reference.Values);
            Assert.Equal(step["step1.contra_rmap"][k].data<float>().ToArray(), maps[k][0].Generated.Values);
        }
    }

    [Fact]
    public void What_is_written_is_read_again()
    {
        IReadOnlyList<IReadOnlyList<QualityMapPair>> maps =
        [
            [new(Ramp(2, 3), Ramp(1, 1)), new(Ramp(64, 64), Ramp(16, 4))],
            [],
            .. Enumerable.Range(1, 1500).Select(i => (QualityMapPair[])[new(Ramp(1, i % 7 + 1), Ramp(2, 2))]),
        ];
        string path = _folder.File("a.pkl");
        QualityMapPickle.Write(path, maps);
        AssertSame(maps, QualityMapPickle.Read(path));
        byte[] first = File.ReadAllBytes(path);
        QualityMapPickle.Write(path, maps);
        Assert.Equal(first, File.ReadAllBytes(path));
        QualityMapPickle.Write(path, []);
        Assert.Empty(QualityMapPickle.Read(path));
    }

    [Fact]
    public void The_official_sample_written_again_has_the_same_maps()
    {
        IReadOnlyList<IReadOnlyList<QualityMapPair>> maps = QualityMapPickle.Read(Fixtures.Path("07_patchdpo", "patch_quality_sample.pkl"));
        QualityMapPickle.Write(_folder.File("a.pkl"), maps);
        AssertSame(maps, QualityMapPickle.Read(_folder.File("a.pkl")));
    }

    [SkippableFact]
    public void Python_reads_what_is_written_and_would_write_the_same()
    {
        string official = Fixtures.Path("07_patchdpo", "patch_quality_sample.pkl"), written = _folder.File("a.pkl"), ramps = _folder.File("b.pkl");
        QualityMapPickle.Write(written, QualityMapPickle.Read(official));
        QualityMapPickle.Write(ramps, [[new(Ramp(2, 3), Ramp(1, 1)), new(Ramp(64, 64), Ramp(16, 4))], []]);
        string[] lines = Python.RunOrSkip("""
            import pickle, sys, numpy
            official, written, ramps = (pickle.load(open(path, 'rb')) for path in sys.argv[1:])
            print([[sorted(pair) for pair in sample] for sample in written])
            print(all((a[name] == b[name]).all() and a[name].dtype == b[name].dtype for s, t in zip(official, written) for a, b in zip(s, t) for name in a))
            print([[(m.dtype.str, m.shape, m.flags.c_contiguous, m.sum(dtype='f8')) for m in pair.values()] for sample in ramps for pair in sample], len(ramps))
            # numpy 2 names its package otherwise.
            same = all(pickle.dumps(maps, protocol=3) == open(path, 'rb').read() for maps, path in ((written, sys.argv[2]), (ramps, sys.argv[3])))
            print(same if numpy.__version__.startswith('1.') else True)
            """, official, written, ramps);
        Assert.Equal(
        [
            "[[['gene_map', 'target_map']], [['gene_map', 'target_map']]]",
            "True",
            "[[('<f4', (2, 3), True, 1.875), ('<f4', (1, 1), True, 0.0)], [('<f4', (64, 64), True, 1048320.0), ('<f4', (16, 4), True, 252.0)]] 2",
            "True",
        ], lines);
    }

    [Fact]
    public void A_file_of_another_layout_is_an_error_that_names_the_place()
    {
        Refuses(new SamplePickle().Op("}"), null, "a dictionary instead of a list");
        Refuses(new SamplePickle().Op("]}a"), "[0]", "a dictionary instead of a list");
        Refuses(new SamplePickle().Op("]](").Int(1).Op("ea"), "[0][0]", "an integer instead of a dictionary");
        Refuses(new SamplePickle().Op("]](").Op("}ea"), "[0][0].target_map", "None instead of a numpy array");
        Refuses(Map([6], BitConverter.GetBytes(0.5f).Concat(new byte[20])), "[0][0].target_map", "the shape [6] instead of rows and columns");
        Refuses(Map([1, 2], [.. BitConverter.GetBytes(0.5f), .. BitConverter.GetBytes(float.NaN)]), "[0][0].target_map", "row 0, column 1 is NaN");
        Refuses(Map([2, 2], new byte[12]), null, "of shape [2,2] has 12 bytes");
        Refuses(Map([1L << 32, 1L << 32], new byte[12]), null, "shape overflows");
        Refuses(Map([1, 1], new byte[4], dtype: "O8"), null, "arrays of this dtype are not supported");
        Refuses(Map([1, 1], new byte[4], order: ">"), null, "not of little-endian numbers");
        string path = _folder.Write("a.pkl", new SamplePickle().Global("os", "system").Stop());
        Assert.Equal("os.system", Assert.Throws<UnsafePickleException>(() => QualityMapPickle.Read(path)).Request);
        Assert.Throws<WeightsFormatException>(() => QualityMapPickle.Read(_folder.Write("a.pkl", [])));
    }

    private static QualityMap Ramp(int height, int width) => new(height, width, [.. Enumerable.Range(0, height * width).Select(i => i / 8f)]);

    private static void AssertSame(IReadOnlyList<IReadOnlyList<QualityMapPair>> expected, IReadOnlyList<IReadOnlyList<QualityMapPair>> actual)
    {
        static IEnumerable<(int, int, float[])> Maps(IReadOnlyList<QualityMapPair> sample) =>
            sample.SelectMany(pair => new[] { pair.Reference, pair.Generated }).Select(map => (map.Height, map.Width, map.Values));
        Assert.Equal(expected.Count, actual.Count);
        Assert.All(expected.Zip(actual), samples => Assert.Equal(Maps(samples.First), Maps(samples.Second)));
    }

    [Fact]
    public void Lists_and_arrays_that_stand_in_many_places_are_read_once()
    {
        // One array, one list of 1,000 pairs that all hold it, and 1,000 samples that all are this list.
        SamplePickle pickle = new SamplePickle().Op("](").Op("](").Op("}q\0(").Text("target_map").Op("q\u0001");
        Array(pickle, [1, 1], BitConverter.GetBytes(0.5f)).Op("q\u0002").Text("gene_map").Op("h\u0002u");
        pickle.Op(string.Concat(Enumerable.Repeat("h\0", 999))).Op("eq\u0003").Op(string.Concat(Enumerable.Repeat("h\u0003", 999))).Op("e");
        string path = _folder.Write("a.pkl", pickle.Stop());
        long before = GC.GetAllocatedBytesForCurrentThread();
        IReadOnlyList<IReadOnlyList<QualityMapPair>> maps = QualityMapPickle.Read(path);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1_000_000);
        Assert.Equal((1000, 1000), (maps.Count, maps[999].Count));
        Assert.Equal([0.5f], maps[999][999].Generated.Values);
    }

    [Fact]
    public void A_bool_array_s_bytes_above_one_are_true()
    {
        string path = _folder.Write("a.pkl", Array(new SamplePickle().Op("]](}(").Text("target_map"), [1, 3], [0, 1, 255], dtype: "b1").Op("q\0")
            .Text("gene_map").Op("h\0uea").Stop());
        Assert.Equal([0, 1, 1], QualityMapPickle.Read(path)[0][0].Reference.Values);
    }

    private static SamplePickle Map(long[] shape, IEnumerable<byte> data, string dtype = "f4", string order = "<") =>
        Array(new SamplePickle().Op("]](}").Text("target_map"), shape, [.. data], dtype, order).Op("sea");

    private static SamplePickle Array(SamplePickle pickle, long[] shape, byte[] bytes, string dtype = "f4", string order = "<")
    {
        pickle.Global("numpy.core.multiarray", "_reconstruct").Op("(").Global("numpy", "ndarray").Tuple(0).Op("NtR(").Int(1).Tuple(shape);
        pickle.Global("numpy", "dtype").Op("(").Text(dtype).Raw(0x89, 0x88).Op("tR(").Int(3).Text(order).Op("NNNJ").Raw(0xff, 0xff, 0xff, 0xff).Op("tb")
            .Raw(0x89);
        return pickle.Op("B").Raw(BitConverter.GetBytes(bytes.Length)).Raw(bytes).Op("tb");
    }

    private void Refuses(SamplePickle pickle, string? key, string problem)
    {
        string path = _folder.Write("a.pkl", pickle.Stop());
        WeightsFormatException e = Assert.Throws<WeightsFormatException>(() => QualityMapPickle.Read(path));
        Assert.Equal((path, key), (e.Path, e.Key));
        Assert.Contains(problem, e.Message);
    }
}
