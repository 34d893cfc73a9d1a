namespace PatchDpo.Torch.Weights.Pickle;

/// <summary>Stands for an <c>argparse.Namespace</c>, the options that a training script was run with: nothing of it is kept.</summary>
/// <remarks>Python's pickler makes one without calling the class, and hands it a dictionary of its attributes once; nothing else is taken.</remarks>
internal sealed class PickleNamespace
{
    private bool _hasState;

    /// <summary>Checks that the state is what Python's pickler writes: a dictionary of names, none of which Python itself would look up.</summary>
    /// <returns>What is wrong, or null.</returns>
    public string? SetState(object? state)
    {
        if (_hasState)
            return "setting the state of an argparse.Namespace twice";
        _hasState = true;
        if (state is not PickleDictionary attributes)
            return $"setting the state of an argparse.Namespace from {PickleReader.Describe(state)}";
        foreach ((object attribute, object? value) in attributes.Items)
        {
            if (attribute is not string name || name.StartsWith("__", StringComparison.Ordinal))
                return $"setting the attribute {(attribute is PickleGlobal global ? global.Name : attribute)} of an argparse.Namespace";
            if (value is PickleGlobal { Call: not null } or PickleGlobal { IsMadeEmpty: true })
                return $"setting the attribute {name} of an argparse.Namespace to {PickleReader.Describe(value)}";
        }
        return null;
    }
}
