using System.Buffers.Binary;
using System.Text;

namespace PatchDpo.Tests;

/// <summary>Builds pickles opcode by opcode.</summary>
internal sealed class SamplePickle
{
    private readonly List<byte> _bytes = [];

    public SamplePickle(byte protocol = 2) => Raw(0x80, protocol);

    public SamplePickle Raw(params byte[] bytes)
    {
        _bytes.AddRange(bytes);
        return this;
    }

    public SamplePickle Op(string ops) => Raw(Encoding.ASCII.GetBytes(ops));

    public SamplePickle Text(string value)
    {
        byte[] utf8 = Encoding.UTF8.GetBytes(value);
        return Op("X").Raw(BitConverter.GetBytes(utf8.Length)).Raw(utf8);
    }

    public SamplePickle Int(long value) => value is >= 0 and < 256
        ? Op("K").Raw((byte)value)
        : Raw(0x8a, 8).Raw(BitConverter.GetBytes(value));

    public SamplePickle Double(double value)
    {
        byte[] bytes = new byte[8];
        BinaryPrimitives.WriteDoubleBigEndian(bytes, value);
        return Op("G").Raw(bytes);
    }

    public SamplePickle Global(string module, string name) => Op($"c{module}\n{name}\n");

    public SamplePickle Tuple(params long[] values)
    {
        Op("(");
        foreach (long value in values)
            Int(value);
        return Op("t");
    }

    public SamplePickle Storage(string key = "0", string type = "FloatStorage", long count = 4, bool legacy = false)
    {
        Op("(").Text("storage").Global("torch", type).Text(key).Text("cpu").Int(count);
        return (legacy ? Op("N") : this).Op("tQ");
    }

    public SamplePickle Tensor(string key, long[] shape, long[] stride, long offset = 0, string type = "FloatStorage", long count = 4, bool legacy = false)
    {
        Global("torch._utils", "_rebuild_tensor_v2").Op("(").Storage(key, type, count, legacy).Int(offset).Tuple(shape).Tuple(stride);
        return Raw(0x89).Global("collections", "OrderedDict").Op(")RtR");
    }

    public byte[] Stop() => [.. _bytes, (byte)'.'];
}
