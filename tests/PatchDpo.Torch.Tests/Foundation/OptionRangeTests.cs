using System.Reflection;
using PatchDpo.Tests;
using PatchDpo.Torch.Adapters;
using PatchDpo.Torch.Loop;
using PatchDpo.Torch.Pairs;
using PatchDpo.Torch.PatchEncoders;
using PatchDpo.Torch.PatchQuality;
using PatchDpo.Torch.Personalization;
using PatchDpo.Torch.Tests.Personalization;
using PatchDpo.Torch.Training;
using PatchDpo.Torch.Training.Objectives;

namespace PatchDpo.Torch.Tests.Foundation;

/// <summary>A number that libtorch cannot compute with is refused where it is set, with the range that it should be in.</summary>
public sealed class OptionRangeTests(TinyModelFixture fixture) : IClassFixture<TinyModelFixture>
{
    // Those that compute; limits on files and pixels are whole numbers.
    private static readonly Type[] Options = [.. typeof(GenerationOptions).Assembly.GetExportedTypes()
        .Where(t => t.Name.EndsWith("Options", StringComparison.Ordinal))];

    public static TheoryData<string> RealNumbers() => Of(t => t == typeof(double));

    public static TheoryData<string> Counts() => Of(t => t == typeof(int));

    [Theory]
    [MemberData(nameof(RealNumbers))]
    public void A_real_number_beyond_float32_is_refused_with_the_range(string property)
    {
        foreach (double value in new[] { double.NaN, double.PositiveInfinity, double.NegativeInfinity, 1e38, -1e38, double.MaxValue })
        {
            ArgumentOutOfRangeException e = Assert.Throws<ArgumentOutOfRangeException>(() => Set(property, value));
            Assert.Contains($"{property.Split('.')[1]} lies in [", e.Message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [MemberData(nameof(Counts))]
    public void A_negative_count_is_refused_with_the_range(string property)
    {
        if (property.EndsWith(".Seed", StringComparison.Ordinal) || property.EndsWith(".GenerationSeed", StringComparison.Ordinal))
            return;
        Assert.Throws<ArgumentOutOfRangeException>(() => Set(property, -1));
        Assert.Throws<ArgumentOutOfRangeException>(() => Set(property, int.MinValue));
    }

    [Fact]
    public void Whatever_is_accepted_trains_or_diverges_with_its_own_exception()
    {
        foreach (PatchDpoTrainerOptions options in new PatchDpoTrainerOptions[]
        {
            new() { MaxSteps = 2, LearningRate = 1e37, WeightDecay = 0 },
            new() { MaxSteps = 2, LearningRate = 1e-37, WeightDecay = 1e37, Epsilon = 1e37 },
            new() { MaxSteps = 2, LearningRate = 1e-3, WeightDecay = 1e37, Epsilon = 1e-37, Beta1 = 0, Beta2 = 0 },
            new() { MaxSteps = 2, AdapterScale = 65_504, MinSnrGamma = 1e37, BatchSize = int.MaxValue },
            new() { MaxSteps = 2, MinSnrGamma = 1e-37, Seed = long.MinValue },
            new() { MaxSteps = 2, Objective = TrainingObjective.DiffusionDpo, DiffusionDpoBeta = 1e37, Seed = long.MaxValue },
        })
        {
            try
            {
                using AdapterLayers trained = new PatchDpoTrainer(fixture.Model, options).Train(Pairs());
            }
            catch (NonFiniteLossException)
            {
            }
        }
    }

    [Fact]
    public void Numbers_that_are_right_alone_and_too_large_together_are_refused()
    {
        Assert.Contains("beyond float32", Assert.Throws<ArgumentException>(
            () => new PatchDpoTrainer(fixture.Model, new() { LearningRate = 1e37, Beta1 = 0.9999 })).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => new PatchDpoTrainer(fixture.Model, new() { LearningRate = 1e20, WeightDecay = 1e20 }));
        Assert.Throws<ArgumentException>(() => new PatchEncoderTrainer(new() { LearningRate = 1e20, WeightDecay = 1e20 }));
    }

    [Fact]
    public void Whatever_is_accepted_generates_or_names_the_picture()
    {
        GenerationRequest[] requests = [new("a cat", [TinyPersonalizedModel.Image(1)])];
        foreach (GenerationOptions options in new GenerationOptions[]
        {
            new() { Steps = 1, GuidanceScale = 1e37 },
            new() { Steps = 1, AdapterScale = 65_504, Seed = long.MinValue, BatchSize = 65_536 },
        })
        {
            try
            {
                fixture.Model.Generate(requests, options);
            }
            catch (NonFiniteLatentsException)
            {
            }
        }
    }

    private static TrainingPair[] Pairs()
    {
        QualityMap map = new(1, 1, [0.5f]);
        return [new("a cat", TinyModelFixture.Image(1), TinyModelFixture.Image(2), map, map)];
    }

    private static TheoryData<string> Of(Func<Type, bool> kind)
    {
        var data = new TheoryData<string>();
        foreach (Type type in Options)
            foreach (PropertyInfo property in type.GetProperties().Where(p => p.CanWrite && kind(Nullable.GetUnderlyingType(p.PropertyType) ?? p.PropertyType)))
                data.Add($"{type.Name}.{property.Name}");
        return data;
    }

    private static void Set(string property, object value)
    {
        string[] names = property.Split('.');
        Type type = Options.Single(t => t.Name == names[0]);
        type.GetProperty(names[1])!.SetValue(Activator.CreateInstance(type), value, BindingFlags.DoNotWrapExceptions, null, null, null);
    }
}
