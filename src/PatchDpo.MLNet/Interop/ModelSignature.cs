namespace PatchDpo.MLNet.Interop;

/// <summary>How a component is named in a saved model.</summary>
internal sealed record ModelSignature
{
    /// <summary>The first version of every component's format: 1.1.</summary>
    public const uint FirstVersion = 0x00010001;

    /// <summary>Names a component.</summary>
    /// <param name="model">Exactly 8 ASCII characters.</param>
    /// <param name="loader">At most 24 ASCII characters.</param>
    /// <param name="version">The version that is written, in ML.NET's two-part form.</param>
    public ModelSignature(string model, string loader, uint version = FirstVersion)
    {
        if (model.Length != 8 || !model.All(char.IsAscii))
            throw new ArgumentException($"'{model}' is not 8 ASCII characters.", nameof(model));
        if (loader.Length is 0 or > 24 || !loader.All(char.IsAscii))
            throw new ArgumentException($"'{loader}' is not 1 to 24 ASCII characters.", nameof(loader));
        Model = model;
        Loader = loader;
        Version = version;
    }

    public string Model { get; }

    public string Loader { get; }

    public uint Version { get; }
}
