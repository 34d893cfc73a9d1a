namespace PatchDpo.Tests;

/// <summary>Finds, in compiled code, TorchSharp's numbers that nothing holds while native code reads them.</summary>
internal static class ScalarUse
{
    private const string Conversion = "TorchSharp.Scalar::op_Implicit(";

    /// <summary>
    /// Every place of an assembly that converts a number implicitly, calls a method of TorchSharp that does, or takes an object whose methods do.
    /// </summary>
    /// <param name="assembly">Its file; TorchSharp.dll lies beside it.</param>
    public static List<string> Find(string assembly)
    {
        using var torchSharp = new CompiledCalls(Path.Combine(Path.GetDirectoryName(assembly)!, "TorchSharp.dll"));
        HashSet<string> methods = Converting(torchSharp);
        HashSet<string> types = [.. methods.Where(m => m.Contains("::forward(", StringComparison.Ordinal) || m.Contains("::step(", StringComparison.Ordinal)
            || m.Contains("<step>", StringComparison.Ordinal))
            .Select(m => m[..m.IndexOf("::", StringComparison.Ordinal)])];
        Dictionary<string, string> bases = torchSharp.ReadBases();
        ILookup<string, string> results = torchSharp.ReadResults();
        bool Unsafe(string? type) => type is not null && (types.Contains(type) || Unsafe(bases.GetValueOrDefault(type)));
        bool Found(string callee) => callee.StartsWith(Conversion, StringComparison.Ordinal) || methods.Contains(callee)
            || Unsafe(callee[..callee.IndexOf("::", StringComparison.Ordinal)]) || results[callee].Any(Unsafe);

        using var calls = new CompiledCalls(assembly);
        return [.. calls.Read().SelectMany(c => c.Callees.Where(Found).Select(callee => $"{c.Caller} -> {callee}")).Order(StringComparer.Ordinal)];
    }

    // The methods of TorchSharp that convert a number, and all that call them.
    private static HashSet<string> Converting(CompiledCalls torchSharp)
    {
        ILookup<string, string> callers = torchSharp.Read().SelectMany(c => c.Callees.Select(callee => (c.Caller, Callee: callee)))
            .ToLookup(c => c.Callee, c => c.Caller);
        var found = new HashSet<string>();
        var open = new Stack<string>(callers.Select(c => c.Key).Where(c => c.StartsWith(Conversion, StringComparison.Ordinal)));
        while (open.TryPop(out string? callee))
        {
            foreach (string caller in callers[callee].Where(found.Add))
                open.Push(caller);
        }
        return found;
    }
}
