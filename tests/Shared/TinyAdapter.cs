namespace PatchDpo.Tests;

/// <summary>The kind of a tiny model's IP-Adapter.</summary>
public enum TinyAdapter
{
    Linear,
    Plus,
    Full,
}
