using System.Globalization;
using PatchDpo.Torch.Foundation;

namespace PatchDpo.Torch.Evaluation;

/// <summary>A metric's mean over subjects with its 95 % confidence interval.</summary>
/// <param name="Mean">The unweighted mean of the subjects' means.</param>
/// <param name="Lower">The interval's lower end; NaN with a single subject.</param>
/// <param name="Upper">The interval's upper end; NaN with a single subject.</param>
/// <remarks>
/// Student's t over the subjects' means, n - 1 degrees of freedom: mean ± t * s / sqrt(n). Subjects are the units drawn; the
/// images of one subject are alike and count as one. A number format applies to the mean: <c>$"{metrics.Dino:F3}"</c>.
/// </remarks>
public sealed record MetricEstimate(double Mean, double Lower, double Upper) : IFormattable
{
    /// <summary>The estimate from one value for each subject.</summary>
    /// <param name="subjectMeans">At least one value.</param>
    /// <exception cref="EmptyDataException">There is no value.</exception>
    public static MetricEstimate FromSubjects(IReadOnlyCollection<double> subjectMeans)
    {
        ArgumentNullException.ThrowIfNull(subjectMeans);
        if (subjectMeans.Count == 0)
            throw new EmptyDataException("There is no subject to estimate a metric from.");
        double mean = subjectMeans.Average();
        if (subjectMeans.Count == 1)
            return new MetricEstimate(mean, double.NaN, double.NaN);
        double deviation = Math.Sqrt(subjectMeans.Sum(v => (v - mean) * (v - mean)) / (subjectMeans.Count - 1));
        double half = StudentT.Quantile975(subjectMeans.Count - 1) * deviation / Math.Sqrt(subjectMeans.Count);
        return new MetricEstimate(mean, mean - half, mean + half);
    }

    /// <summary>The mean and the interval with three decimals.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Mean:F3} [{Lower:F3}, {Upper:F3}]");

    /// <summary>The mean alone in a number format; without a format, as <see cref="ToString()"/>.</summary>
    public string ToString(string? format, IFormatProvider? formatProvider)
        => string.IsNullOrEmpty(format) ? ToString() : Mean.ToString(format, formatProvider);
}
