using TorchSharp;

namespace PatchDpo.Torch.Weights.Safetensors;

/// <summary>The dtypes of safetensors and their counterparts here.</summary>
internal static class SafetensorsDType
{
    // From the widest alignment down: the order in which the reference crate lays tensors out.
    private static readonly (string Name, torch.ScalarType Type, int Size)[] Known =
    [
        ("I64", torch.ScalarType.Int64, 8),
        ("F64", torch.ScalarType.Float64, 8),
        ("F32", torch.ScalarType.Float32, 4),
        ("I32", torch.ScalarType.Int32, 4),
        ("BF16", torch.ScalarType.BFloat16, 2),
        ("F16", torch.ScalarType.Float16, 2),
        ("I16", torch.ScalarType.Int16, 2),
        ("I8", torch.ScalarType.Int8, 1),
        ("U8", torch.ScalarType.Byte, 1),
        ("BOOL", torch.ScalarType.Bool, 1),
    ];

    private static readonly string[] NotSupported =
        ["F8_E4M3", "F8_E5M2", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ", "F6_E2M3", "F6_E3M2", "F4", "C64", "U16", "U32", "U64"];

    /// <summary>The dtype of that name, or false.</summary>
    public static bool TryParse(string name, out torch.ScalarType type)
    {
        int i = Array.FindIndex(Known, k => k.Name == name);
        type = i < 0 ? default : Known[i].Type;
        return i >= 0;
    }

    /// <summary>Whether the format has this dtype, although it cannot be loaded here.</summary>
    public static bool IsKnownButUnsupported(string name) => Array.IndexOf(NotSupported, name) >= 0;

    /// <summary>The format's name of a dtype.</summary>
    /// <exception cref="ArgumentException">The format (as written here) has none.</exception>
    public static string Name(torch.ScalarType type) => Known[Rank(type)].Name;

    /// <summary>Bytes per element.</summary>
    public static int Size(torch.ScalarType type) => Known[Rank(type)].Size;

    /// <summary>Place in the layout's order: lower comes first in the file.</summary>
    public static int Rank(torch.ScalarType type)
    {
        int i = Array.FindIndex(Known, k => k.Type == type);
        return i >= 0 ? i : throw new ArgumentException($"A safetensors file cannot hold {type} tensors.", nameof(type));
    }
}
