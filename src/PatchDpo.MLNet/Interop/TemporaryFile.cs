namespace PatchDpo.MLNet.Interop;

/// <summary>A file that exists for one use: weights are written and mapped as files, a saved model holds them as a stream.</summary>
internal static class TemporaryFile
{
    public static void Use(Action<string> use)
    {
        string path = Path.Combine(Path.GetTempPath(), $"patchdpo-{Guid.NewGuid():N}.safetensors");
        try
        {
            use(path);
        }
        finally
        {
            File.Delete(path);
        }
    }
}
