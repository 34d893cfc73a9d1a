using PatchDpo.Torch.Loop;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Loop;

public class TrainingDrawsTests
{
    private const int Steps = 2000;
    private const int Rows = 8;

    [Theory]
    [InlineData(0)]
    [InlineData(42)]
    [InlineData(long.MinValue)]
    public void Noise_is_standard_normal_and_no_two_rows_share_it(long seed)
    {
        using DisposeScope scope = NewDisposeScope();
        var draws = new TrainingDraws(seed);
        Tensor noise = cat([.. Enumerable.Range(1, 100).Select(step => draws.Normal(TrainingDraw.Noise, step, 0, Rows, [4, 8, 8]))]);
        Assert.Equal([100 * Rows, 4, 8, 8], noise.shape);
        double count = noise.numel();
        Assert.InRange(noise.mean().item<float>(), -4 / Math.Sqrt(count), 4 / Math.Sqrt(count));
        Assert.InRange(noise.var().item<float>(), 1 - (4 * Math.Sqrt(2 / count)), 1 + (4 * Math.Sqrt(2 / count)));
        Assert.InRange(noise.pow(4).mean().item<float>(), 2.95, 3.05);
        // Correlations of rows of 256 numbers: the largest of 319,600 pairs lies near 4.9 standard deviations.
        Tensor rows = nn.functional.normalize(noise.flatten(1) - noise.flatten(1).mean([1], keepdim: true), dim: 1);
        Tensor correlations = rows.matmul(rows.t()) - eye(rows.shape[0]);
        Assert.InRange(correlations.abs().max().item<float>(), 0, 6.5 / 16);
    }

    [Fact]
    public void Timesteps_are_uniform_from_the_first_to_the_last()
    {
        var draws = new TrainingDraws(42);
        long[] timesteps = [.. Enumerable.Range(1, Steps).SelectMany(step => draws.Below(TrainingDraw.Timestep, step, 0, Rows, 1000))];
        Assert.All(timesteps, t => Assert.InRange(t, 0, 999));
        int[] bins = new int[20];
        foreach (long t in timesteps)
            bins[t / 50]++;
        // Chi squared of 19 degrees of freedom: 43.8 is exceeded once in a thousand.
        double expected = timesteps.Length / 20.0;
        Assert.InRange(bins.Sum(n => Math.Pow(n - expected, 2) / expected), 3, 43.8);
        Assert.Contains(0, timesteps);
        Assert.Contains(999, timesteps);
    }

    [Fact]
    public void Uniform_numbers_have_the_mean_and_variance_and_fall_below_a_share_as_often_as_it_says()
    {
        var draws = new TrainingDraws(42);
        double[] numbers = [.. Enumerable.Range(1, Steps).SelectMany(step => draws.Uniform(TrainingDraw.Dropout, step, 0, Rows))];
        Assert.All(numbers, x => Assert.InRange(x, 0, 1 - 1e-16));
        double mean = numbers.Average(), error = 4 / Math.Sqrt(12.0 * numbers.Length);
        Assert.InRange(mean, 0.5 - error, 0.5 + error);
        Assert.InRange(numbers.Average(x => (x - mean) * (x - mean)), 0.081, 0.0857);
        foreach (double share in new[] { 0.05, 0.15, 0.5 })
            Assert.InRange(numbers.Average(x => x < share ? 1.0 : 0), share - (4 * Deviation(share)), share + (4 * Deviation(share)));
        // A row's numbers of two steps, and two rows' of one step, have nothing to do with one another.
        Assert.InRange(Enumerable.Range(0, numbers.Length - Rows).Average(i => (numbers[i] - 0.5) * (numbers[i + Rows] - 0.5)), -error / 4, error / 4);
        Assert.InRange(Enumerable.Range(0, numbers.Length - 1).Average(i => (numbers[i] - 0.5) * (numbers[i + 1] - 0.5)), -error / 4, error / 4);

        double Deviation(double share) => Math.Sqrt(share * (1 - share) / numbers.Length);
    }

    [Fact]
    public void A_draw_is_the_same_whatever_was_drawn_before_and_in_which_batch()
    {
        using DisposeScope scope = NewDisposeScope();
        TrainingDraws fresh = new(5), used = new(5);
        Tensor whole = fresh.Normal(TrainingDraw.Noise, 7, 0, 6, [3]);
        used.Normal(TrainingDraw.Noise, 3, 0, 2, [5]);
        used.Uniform(TrainingDraw.Dropout, 7, 0, 3);
        used.Permutation(2, 9);
        Tensor parts = cat([used.Normal(TrainingDraw.Noise, 7, 0, 2, [3]), used.Normal(TrainingDraw.Noise, 7, 2, 4, [3])]);
        Assert.Equal(whole.data<float>().ToArray(), parts.data<float>().ToArray());
        Assert.Equal(fresh.Below(TrainingDraw.Timestep, 9, 3, 2, 1000), used.Below(TrainingDraw.Timestep, 9, 0, 6, 1000)[3..5]);
        Assert.Equal(fresh.Uniform(TrainingDraw.Dropout, 9, 1, 1), used.Uniform(TrainingDraw.Dropout, 9, 0, 6)[1..2]);
        Assert.Equal(fresh.Random(TrainingDraw.Views, 4).NextDouble(), used.Random(TrainingDraw.Views, 4).NextDouble());
        using Generator first = fresh.Generator(TrainingDraw.Light, 4), second = used.Generator(TrainingDraw.Light, 4);
        Assert.Equal(randn(4, generator: first).data<float>().ToArray(), randn(4, generator: second).data<float>().ToArray());
    }

    [Fact]
    public void Seeds_kinds_steps_and_rows_draw_apart()
    {
        HashSet<double> numbers = [];
        foreach (long seed in new long[] { -1, 0, 1, long.MaxValue })
            foreach (TrainingDraw draw in Enum.GetValues<TrainingDraw>())
                for (int step = 0; step < 20; step++)
                    foreach (double number in new TrainingDraws(seed).Uniform(draw, step, 0, 20))
                        Assert.True(numbers.Add(number));
    }

    [Fact]
    public void Views_of_steps_are_drawn_apart_and_spread_evenly()
    {
        var draws = new TrainingDraws(42);
        double[] first = [.. Enumerable.Range(1, 4000).Select(step => draws.Random(TrainingDraw.Views, step).NextDouble())];
        Assert.InRange(first.Average(), 0.48, 0.52);
        Assert.InRange(first.Average(x => (x - 0.5) * (x - 0.5)), 0.08, 0.087);
        Assert.InRange(Enumerable.Range(0, 3999).Average(i => (first[i] - 0.5) * (first[i + 1] - 0.5)), -0.006, 0.006);
    }

    [Fact]
    public void Changes_of_light_are_drawn_apart_and_spread_evenly()
    {
        using DisposeScope scope = NewDisposeScope();
        var draws = new TrainingDraws(42);
        float[] first = [.. Enumerable.Range(1, 2000).Select(step =>
        {
            using Generator generator = draws.Generator(TrainingDraw.Light, step);
            return rand(1, generator: generator).item<float>();
        })];
        Assert.InRange(first.Average(), 0.474, 0.526);
        Assert.InRange(first.Average(x => (x - 0.5) * (x - 0.5)), 0.078, 0.089);
        Assert.InRange(Enumerable.Range(0, 1999).Average(i => (first[i] - 0.5) * (first[i + 1] - 0.5)), -0.008, 0.008);
    }

    [Fact]
    public void Nothing_is_left_behind()
        => LeakCheck.Run(() => new TrainingDraws(1).Normal(TrainingDraw.Noise, 1, 0, 3, [2, 2]).Dispose());
}
