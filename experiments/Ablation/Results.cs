using PatchDpo.Torch.Evaluation;

namespace Ablation;

/// <summary>A comparison's outcomes; seeds are the units, so that intervals hold what another run would change.</summary>
/// <param name="methods">The rows.</param>
/// <param name="curves">For each seed, each row's.</param>
internal sealed class Results(Method[] methods, IReadOnlyList<Curve> curves)
{
    public IReadOnlyList<Method> Methods => methods;

    /// <summary>Each seed's.</summary>
    public IReadOnlyList<Curve> Of(Method method)
    {
        int row = Array.IndexOf(methods, method);
        return [.. curves.Where((_, i) => i % methods.Length == row)];
    }

    /// <summary>Each seed's outcome at full strength.</summary>
    public IReadOnlyList<Outcome> Full(Method method) => [.. Of(method).Select(c => c.Full)];

    /// <summary>Each seed's outcome with the CLIP-T that the base has at full strength.</summary>
    public IReadOnlyList<Outcome> WithBasesText(Method method) => [.. Of(method).Zip(Full(Method.Base), (c, b) => c.WithClipT(b.ClipT))];

    /// <summary>The mean over seeds, with its 95 % interval.</summary>
    public static MetricEstimate Mean(IEnumerable<Outcome> outcomes, Func<Outcome, double> metric)
        => MetricEstimate.FromSubjects(outcomes.Select(metric).ToArray());

    /// <summary>The mean over seeds of one method's outcomes minus another's, paired by seed, with its 95 % interval.</summary>
    public static MetricEstimate Difference(IEnumerable<Outcome> outcomes, IEnumerable<Outcome> others, Func<Outcome, double> metric)
        => MetricEstimate.FromSubjects(outcomes.Zip(others, (a, b) => metric(a) - metric(b)).ToArray());
}
