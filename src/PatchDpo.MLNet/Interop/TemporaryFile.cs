namespace PatchDpo.MLNet.Interop;

/// <summary>A file that exists for one use: weights are read from files, a saved model holds them as a stream.</summary>
internal static class TemporaryFile
{
    /// <summary>Gives the path of a file to be made, in a folder that only this user can enter and that is removed after the use.</summary>
    public static void Use(Action<string> use)
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("patchdpo-");
        try
        {
            use(Path.Combine(folder.FullName, "weights.safetensors"));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}
