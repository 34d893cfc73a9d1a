using System.Text;
using PatchDpo.Tests;

namespace PatchDpo.Fuzz.Mutations;

/// <summary>Changes of pickles by their operations.</summary>
internal static class PickleMutations
{
    private static readonly string[] Names =
    [
        "torch\nFloatStorage", "torch\nHalfStorage", "torch\nBFloat16Storage", "torch\nBoolStorage", "torch\nLongStorage", "torch\nfloat32", "torch._utils\n_rebuild_tensor", "torch._utils\n_rebuild_tensor_v2",
        "torch._utils\n_rebuild_parameter", "torch\nSize", "torch\ndevice", "collections\nOrderedDict", "numpy\nndarray", "numpy\ndtype", "numpy.core.multiarray\n_reconstruct", "numpy.core.multiarray\nscalar",
        "_codecs\nencode", "os\nsystem", "builtins\neval", "__builtin__\ngetattr",
    ];

    private static readonly string[] Texts = ["", "storage", "0", "1", "cpu", "latin1", "f4", "f8", "f2", "b1", "<", ">", "../x", "target_map", "gene_map",
        "_metadata", "little_endian", "w", "\0", "\u202e", "x.y", new string('k', 300)];

    // Operations without an argument.
    private static readonly byte[] Plain =
        [.. "(01NQRabdelsotu2)]}."u8, 0x81, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8f, 0x90, 0x91, 0x92, 0x93, 0x94, 0x97, 0x98];

    /// <summary>A change of a file that is one pickle.</summary>
    public static byte[] ChangeOne(byte[] bytes, byte[] partner, Random random) => Change(bytes, partner, 1, random);

    /// <summary>A change of a legacy checkpoint: five pickles and the storages.</summary>
    public static byte[] ChangeLegacy(byte[] bytes, byte[] partner, Random random) => Change(bytes, partner, 5, random);

    private static byte[] Change(byte[] bytes, byte[] partner, int count, Random random)
    {
        (List<byte[]> ops, byte[] rest) = PickleOperations.Split(bytes, count);
        if (ops.Count == 0)
            return bytes;
        int at = random.Next(ops.Count), length = Math.Min(random.Next(1, 12), ops.Count - at);
        switch (random.Next(9))
        {
            case 0:
                ops.RemoveRange(at, length);
                break;
            case 1:
                ops.InsertRange(random.Next(ops.Count + 1), ops.GetRange(at, length));
                break;
            case 2:
                int other = random.Next(ops.Count);
                (ops[at], ops[other]) = (ops[other], ops[at]);
                break;
            case 3:
                List<byte[]> theirs = PickleOperations.Split(partner, count).Operations;
                int from = random.Next(theirs.Count + 1);
                ops.InsertRange(at, theirs.GetRange(from, Math.Min(random.Next(1, 24), theirs.Count - from)));
                break;
            case 4:
                // One operation many times: what an object of it costs, and what nests.
                ops.InsertRange(at, Enumerable.Repeat(random.Next(2) == 0 ? ops[at] : Operation(random), random.Next(2, 400)));
                break;
            case 5:
                int number = ops.FindIndex(at, o => o[0] is (byte)'K' or (byte)'M' or (byte)'J' or 0x8a);
                if (number >= 0)
                    ops[number] = Number(random);
                break;
            case 6:
                int text = ops.FindIndex(at, o => o[0] is (byte)'X' or (byte)'U' or 0x8c);
                if (text >= 0)
                    ops[text] = Text(random);
                break;
            case 7:
                int name = ops.FindIndex(at, o => o[0] == (byte)'c');
                if (name >= 0)
                    ops[name] = Name(random);
                break;
            default:
                ops.Insert(at, Operation(random));
                break;
        }
        return [.. ops.SelectMany(o => o), .. rest];
    }

    private static byte[] Operation(Random random) => random.Next(8) switch
    {
        0 => Number(random),
        1 => Text(random),
        2 => Name(random),
        3 => [(byte)"hq"[random.Next(2)], (byte)random.Next(random.Next(2) == 0 ? 8 : 256)],
        4 => [(byte)"jr"[random.Next(2)], .. BitConverter.GetBytes((uint)ByteMutations.Integer(random))],
        5 => [(byte)'G', .. BitConverter.GetBytes(random.NextInt64())],
        _ => [Plain[random.Next(Plain.Length)]],
    };

    private static byte[] Number(Random random) => random.Next(3) switch
    {
        0 => [(byte)'K', (byte)random.Next(random.Next(2) == 0 ? 8 : 256)],
        1 => [0x8a, 9, .. BitConverter.GetBytes(ByteMutations.Integer(random)), (byte)random.Next(3)],
        _ => new SamplePickle().Int(ByteMutations.Integer(random)).Stop()[2..^1],
    };

    private static byte[] Text(Random random) => new SamplePickle().Text(Texts[random.Next(Texts.Length)]).Stop()[2..^1];

    private static byte[] Name(Random random) => [(byte)'c', .. Encoding.ASCII.GetBytes(Names[random.Next(Names.Length)]), (byte)'\n'];
}
