namespace PatchDpo.Torch.Weights;

/// <summary>Finds a model's state dict within a checkpoint, where training left it under a prefix such as <c>state_dict.module.</c></summary>
internal static class StateDictPrefix
{
    // What wraps a module, or a part of one, and puts its name into the keys: DistributedDataParallel, torch.compile,
    // FullyShardedDataParallel, activation checkpointing.
    private static readonly HashSet<string> Wrappers = new(
        ["module", "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"], StringComparer.Ordinal);

    // Under what training scripts put a state dict.
    private static readonly HashSet<string> Containers = new(["state_dict", "model_state_dict", "model", "net"], StringComparer.Ordinal);

    // What training scripts put beside it.
    private static readonly HashSet<string> TrainingState = new(
    [
        "optimizer", "optimizers", "optimizer_state_dict", "optimizer_states", "optim", "lr_scheduler", "lr_schedulers", "scheduler", "scheduler_state_dict",
        "scaler", "grad_scaler", "fp16_scaler", "amp", "callbacks", "loops", "rng_state", "random_states", "n_averaged", "epoch", "step", "iteration",
            "global_step",
        "args", "config", "hyper_parameters", "loss", "dino_loss",
    ], StringComparer.Ordinal);

    // Prefixes that are taken off one after another; training leaves two or three.
    private const int MaxForms = 32;

    /// <summary>
    /// The file without the prefixes that training puts before or into keys: <c>module.</c>, <c>_orig_mod.</c>, <c>state_dict.</c>, <c>model.</c> …,
    /// in any order.
    /// </summary>
    /// <param name="file">The file; the result takes it over.</param>
    /// <returns>The file itself where its keys have no such prefix.</returns>
    public static ITensorFile Unwrap(ITensorFile file)
    {
        IReadOnlyDictionary<string, string> names = Forms(file.Keys).Last();
        return names.All(n => n.Key == n.Value) ? file : new RenamedTensorFile(file, names);
    }

    /// <summary>A state dict's keys as they are, and then with one more of such prefixes taken off each time, until none is left.</summary>
    /// <returns>For each form the keys of the file, by the names that they have in it.</returns>
    /// <remarks>A model may have a part of that name itself, so that only the model can tell which form is its own.</remarks>
    public static IEnumerable<IReadOnlyDictionary<string, string>> Forms(IReadOnlyList<string> keys)
    {
        Dictionary<string, string>? names = keys.ToDictionary(k => k, StringComparer.Ordinal);
        for (int form = 0; names is not null && form < MaxForms; form++)
        {
            yield return names;
            names = WithoutFirst(names) ?? WithoutInner(names);
        }
    }

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
        string[] teachers = [.. prefixes.Where(p => p.Split('.').Contains("teacher"))];
        string prefix = prefixes.Length == 1 ? prefixes[0] : teachers.Length == 1 ? teachers[0]
            : throw new UnknownModelException(
                file.Path, anchor, $"several models have this tensor, under the prefixes {string.Join(", ", prefixes.Select(KeyText.Quote))}.");
        return new MappedTensorSource(file, file.Keys
            .Where(k => k.StartsWith(prefix, StringComparison.Ordinal))
            .ToDictionary(k => k[prefix.Length..], MappedTensor.Copy, StringComparer.Ordinal));
    }

    /// <summary>The longest prefix, up to a dot, that all keys have; empty where there is none.</summary>
    public static string Common(IReadOnlyList<string> keys)
    {
        if (keys.Count < 2)
            return "";
        int length = keys[0].Length;
        foreach (string key in keys)
            length = key.AsSpan(0, Math.Min(length, key.Length)).CommonPrefixLength(keys[0]);
        return keys[0][..(keys[0].AsSpan(0, length).LastIndexOf('.') + 1)];
    }

    /// <summary>
    /// Takes off the first part of all names, where it is one that training puts there; what stands beside it of a training's state is left out.
    /// </summary>
    private static Dictionary<string, string>? WithoutFirst(Dictionary<string, string> names)
    {
        string[] weights = [.. names.Keys.Where(n => !TrainingState.Contains(FirstPart(n)))];
        if (weights.Length == 0)
            return null;
        string first = FirstPart(weights[0]), prefix = first + ".";
        if (!(Wrappers.Contains(first) || Containers.Contains(first)) || !weights.All(w => w.StartsWith(prefix, StringComparison.Ordinal)))
            return null;
        // Stability AI's own name of a UNet.
        if (weights.All(w => w.StartsWith("model.diffusion_model.", StringComparison.Ordinal)))
            return null;
        return weights.ToDictionary(w => w[prefix.Length..], w => names[w], StringComparer.Ordinal);
    }

    /// <summary>Takes the wrappers' names out of all names, wherever they stand; null where none has any, or two would become one.</summary>
    private static Dictionary<string, string>? WithoutInner(Dictionary<string, string> names)
    {
        Dictionary<string, string> cut = new(StringComparer.Ordinal);
        foreach ((string name, string key) in names)
        {
            if (!cut.TryAdd(string.Join('.', name.Split('.').Where(p => !Wrappers.Contains(p))), key))
                return null;
        }
        return cut.Keys.SequenceEqual(names.Keys) ? null : cut;
    }

    private static string FirstPart(string name) => name.IndexOf('.', StringComparison.Ordinal) is int dot and >= 0 ? name[..dot] : name;
}
