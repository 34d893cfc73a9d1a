namespace PatchDpo.Torch.Weights;

/// <summary>Finds a model's state dict within a checkpoint, where training left it under a prefix such as <c>state_dict.module.</c></summary>
internal static class StateDictPrefix
{
    /// <summary>The tensors under the prefix that a tensor of the model has, without it; null where there is no such tensor.</summary>
    /// <param name="file">The checkpoint.</param>
    /// <param name="anchor">A tensor that the model has once.</param>
    /// <remarks>A checkpoint of self-distillation holds a student and a teacher: the teacher is the model that is published.</remarks>
    /// <exception cref="UnknownModelException">There are several such models, none of them without a prefix or the only teacher.</exception>
    public static ITensorSource? Find(ITensorSource file, string anchor)
    {
        string[] prefixes = [.. file.Keys
            .Where(k => k.EndsWith(anchor, StringComparison.Ordinal) && (k.Length == anchor.Length || k[^(anchor.Length + 1)] == '.'))
            .Select(k => k[..^anchor.Length])];
        if (prefixes.Length == 0)
            return null;
        if (prefixes.Contains(""))
            return file;
        string[] teachers = [.. prefixes.Where(p => p.StartsWith("teacher.", StringComparison.Ordinal))];
        string prefix = prefixes.Length == 1 ? prefixes[0] : teachers.Length == 1 ? teachers[0]
            : throw new UnknownModelException(file.Path, anchor, $"several models have this tensor, under the prefixes {string.Join(", ", prefixes.Select(KeyText.Quote))}.");
        return new MappedTensorSource(file, file.Keys
            .Where(k => k.StartsWith(prefix, StringComparison.Ordinal))
            .ToDictionary(k => k[prefix.Length..], MappedTensor.Copy, StringComparer.Ordinal));
    }
}
