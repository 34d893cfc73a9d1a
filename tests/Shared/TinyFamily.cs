namespace PatchDpo.Tests;

/// <summary>The pipeline that a tiny model is of.</summary>
public enum TinyFamily
{
    Sd15,
    Sdxl,
}
