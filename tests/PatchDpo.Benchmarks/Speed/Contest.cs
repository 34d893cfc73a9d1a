using System.Globalization;

namespace PatchDpo.Benchmarks.Speed;

/// <summary>Contestants that take turns within one run; what is printed of each is its median, and its time as a share of the first one's in the same round.</summary>
internal static class Contest
{
    /// <summary>The option of every contest.</summary>
    public static System.CommandLine.Option<int> Rounds(int number)
        => new("--rounds") { Description = "Measured rounds.", DefaultValueFactory = _ => number };

    /// <summary>Measures and prints; an unmeasured round comes first.</summary>
    /// <param name="rounds">Measured rounds.</param>
    /// <param name="items">What a contestant gets through in a round.</param>
    /// <param name="unit">What that is, in the plural.</param>
    /// <param name="contestants">Names, and what is timed; the first is the yardstick.</param>
    /// <returns>The median of each contestant's time as a share of the first one's.</returns>
    public static double[] Run(int rounds, double items, string unit, params (string Name, Action Run)[] contestants)
        => RunTimed(rounds, items, unit, Array.ConvertAll(contestants, c => (c.Name, (Func<double>)(() => Time(c.Run)))));

    /// <summary>The same of contestants that say themselves how many seconds count.</summary>
    public static double[] RunTimed(int rounds, double items, string unit, params (string Name, Func<double> Seconds)[] contestants)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(rounds, 1);
        double[][] seconds = Array.ConvertAll(contestants, _ => new double[rounds]);
        for (int round = -1; round < rounds; round++)
        {
            for (int i = 0; i < contestants.Length; i++)
            {
                double taken = contestants[i].Seconds();
                if (round >= 0)
                    seconds[i][round] = taken;
            }
        }
        double[] shares = new double[contestants.Length];
        int width = contestants.Max(c => c.Name.Length);
        for (int i = 0; i < contestants.Length; i++)
        {
            // Of throughputs: above 1 is faster than the yardstick.
            double[] ratios = [.. seconds[0].Zip(seconds[i], (first, own) => first / own).Order()];
            double median = Median(seconds[i]);
            shares[i] = 1 / ratios[rounds / 2];
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{contestants[i].Name.PadRight(width)}  {median,9:F4} s  {items / median,10:F2} {unit}/s  x {ratios[rounds / 2]:F3} ({ratios[0]:F3} .. {ratios[^1]:F3})"));
        }
        return shares;
    }

    private static double Time(Action run)
    {
        double start = Clock.Now;
        run();
        return Clock.Now - start;
    }

    private static double Median(double[] values) => values.Order().ElementAt(values.Length / 2);
}
