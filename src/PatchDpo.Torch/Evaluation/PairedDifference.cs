namespace PatchDpo.Torch.Evaluation;

/// <summary>The change of a metric between two evaluations of the same subjects.</summary>
public static class PairedDifference
{
    /// <summary>The mean over subjects of (after - before), with its 95 % interval.</summary>
    /// <param name="before">For instance the base model's metrics.</param>
    /// <param name="after">The tuned model's metrics on the same subjects, in the same setting.</param>
    /// <param name="metric">Which metric: <c>s => s.Dino</c>.</param>
    /// <returns>The difference; Student's t over the subjects' differences, which is narrower than two separate intervals suggest.</returns>
    /// <exception cref="ArgumentException">The settings or the subjects differ, or the metric was not measured.</exception>
    public static MetricEstimate Compute(PersonalizationMetrics before, PersonalizationMetrics after, Func<SubjectMetrics, double?> metric)
    {
        ArgumentNullException.ThrowIfNull(before);
        ArgumentNullException.ThrowIfNull(after);
        ArgumentNullException.ThrowIfNull(metric);
        if (before.Setting != after.Setting)
            throw new ArgumentException($"Metrics of the setting {before.Setting} cannot be compared with those of {after.Setting}.", nameof(after));
        Dictionary<string, SubjectMetrics> beforeBySubject = before.Subjects.ToDictionary(s => s.Subject);
        if (after.Subjects.Count != beforeBySubject.Count || after.Subjects.FirstOrDefault(s => !beforeBySubject.ContainsKey(s.Subject)) is not null)
            throw new ArgumentException("The two evaluations have other subjects.", nameof(after));
        return MetricEstimate.FromSubjects([.. after.Subjects.Select(s => Value(s) - Value(beforeBySubject[s.Subject]))]);

        double Value(SubjectMetrics subject)
            => metric(subject) ?? throw new ArgumentException($"The metric was not measured for subject '{subject.Subject}'.", nameof(metric));
    }
}
