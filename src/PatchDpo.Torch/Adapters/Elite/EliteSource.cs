using PatchDpo.Torch.Weights;

namespace PatchDpo.Torch.Adapters.Elite;

/// <summary>ELITE's two mappers in their files: the published pair, or one file with both.</summary>
internal sealed class EliteSource : IDisposable
{
    public const string GlobalName = "global_mapper", LocalName = "local_mapper";

    /// <summary>What a mapper's first tensor is called.</summary>
    public const string Anchor = "mapping_0.0.weight";

    private readonly ITensorFile _global, _local;
    private readonly string _globalPrefix, _localPrefix;

    private EliteSource(ITensorFile global, string globalPrefix, ITensorFile local, string localPrefix)
        => (_global, _globalPrefix, _local, _localPrefix) = (global, globalPrefix, local, localPrefix);

    /// <summary>The global mapper and what its keys begin with.</summary>
    public (ITensorFile File, string Prefix) Global => (_global, _globalPrefix);

    /// <summary>The local mapper and what its keys begin with.</summary>
    public (ITensorFile File, string Prefix) Local => (_local, _localPrefix);

    /// <summary>Opens the mappers.</summary>
    /// <param name="path">Either of the pair, whose names tell them apart, or the file with both.</param>
    /// <exception cref="UnknownModelException">It is a mapper without a name that tells which.</exception>
    /// <exception cref="ModelFileNotFoundException">The other of the pair is missing.</exception>
    /// <exception cref="WeightsFormatException">The file with both has only one of them.</exception>
    public static EliteSource Open(string path)
    {
        ITensorFile file = WeightsFile.OpenStateDict(path);
        try
        {
            if (file.Contains($"{GlobalName}.{Anchor}") || file.Contains($"{LocalName}.{Anchor}"))
            {
                foreach (string name in new[] { GlobalName, LocalName })
                    if (!file.Contains($"{name}.{Anchor}"))
                        throw new WeightsFormatException(path, $"{name}.{Anchor}", $"ELITE needs both mappers, and the file has no {name}.");
                return new EliteSource(file, GlobalName + ".", file, LocalName + ".");
            }
            ITensorFile other = WeightsFile.OpenStateDict(Other(path) is string found && File.Exists(found) ? found : throw Missing(path));
            return IsGlobal(path) ? new EliteSource(file, "", other, "") : new EliteSource(other, "", file, "");
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>The other file of the pair; null where the name tells neither.</summary>
    public static string? Other(string path)
    {
        string name = Path.GetFileName(path);
        string? other = IsGlobal(path) ? name.Replace(GlobalName, LocalName, StringComparison.Ordinal)
            : name.Contains(LocalName, StringComparison.Ordinal) ? name.Replace(LocalName, GlobalName, StringComparison.Ordinal) : null;
        return other is null ? null : Path.Combine(Path.GetDirectoryName(path) ?? "", other);
    }

    /// <summary>Whether the name says that it is the global one of the pair.</summary>
    public static bool IsGlobal(string path) => Path.GetFileName(path).Contains(GlobalName, StringComparison.Ordinal);

    /// <inheritdoc/>
    public void Dispose()
    {
        _global.Dispose();
        if (!ReferenceEquals(_global, _local))
            _local.Dispose();
    }

    private static Exception Missing(string path) => Other(path) is string other
        ? new ModelFileNotFoundException(Path.GetDirectoryName(Path.GetFullPath(path))!, [Path.GetFileName(other)],
            $"ELITE needs both mappers: put it beside '{Path.GetFileName(path)}'.")
        : new UnknownModelException(path, null, $"this is one of ELITE's mappers, and its name does not tell which: call it {GlobalName} or {LocalName} "
            + "with the same ending, the other beside it.");
}
