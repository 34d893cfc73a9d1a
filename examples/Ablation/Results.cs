using PatchDpo.Torch.Evaluation;

namespace Ablation;

/// <summary>All outcomes; seeds are the units, so that intervals hold what another run would change.</summary>
internal sealed class Results(IReadOnlyList<Method> methods)
{
    private readonly Dictionary<Method, List<Outcome>> _outcomes = methods.ToDictionary(m => m, _ => new List<Outcome>());

    public IReadOnlyList<Method> Methods => methods;

    public Method? PatchDpo => methods.FirstOrDefault(m => m.Name == Method.PatchDpoName);

    public Method Base => methods.First(m => m.Objective is null);

    public void Add(Method method, Outcome outcome) => _outcomes[method].Add(outcome);

    public IReadOnlyList<Outcome> Of(Method method) => _outcomes[method];

    /// <summary>The mean over seeds, with its 95 % interval.</summary>
    public MetricEstimate Mean(Method method, Func<Outcome, double> metric) => MetricEstimate.FromSubjects(_outcomes[method].Select(metric).ToArray());

    /// <summary>The mean over seeds of <paramref name="method"/> minus <paramref name="other"/>, paired by seed, with its 95 % interval.</summary>
    public MetricEstimate Difference(Method method, Method other, Func<Outcome, double> metric)
        => MetricEstimate.FromSubjects(_outcomes[method].Zip(_outcomes[other], (a, b) => metric(a) - metric(b)).ToArray());
}
