using System.Globalization;
using System.Runtime.CompilerServices;

namespace PatchDpo.Torch.Foundation;

/// <summary>Checks of numbers that options and arguments are given; what is outside is told with the range.</summary>
/// <remarks>
/// libtorch computes in float32: a number beyond its range (3.4e38) or a positive one below its smallest (1.2e-38, as a normal number)
/// becomes infinite or zero there, or throws from native code. The ranges are those in which a number is what it was meant to be.
/// </remarks>
internal static class ArgumentRange
{
    /// <summary>The largest number that options hand to libtorch: ten times as much, as AdamW's first step has it, still is a float32.</summary>
    public const double Largest = 1e37;

    /// <summary>The smallest number above 0 that they do.</summary>
    public const double Smallest = 1e-37;

    /// <summary>The largest factor on tensors that may be float16.</summary>
    public const double LargestScale = 65_504;

    /// <summary>A whole number within bounds, both included.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is outside.</exception>
    public static int Within(int value, int least, int most = int.MaxValue, [CallerMemberName] string name = "")
        => value >= least && value <= most
            ? value
            : throw Outside(value, name, most == int.MaxValue ? Text($"is at least {least}") : Text($"lies in [{least}, {most}]"));

    /// <summary>A whole number within bounds, both included.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is outside.</exception>
    public static long Within(long value, long least, long most = long.MaxValue, [CallerMemberName] string name = "")
        => value >= least && value <= most
            ? value
            : throw Outside(value, name, most == long.MaxValue ? Text($"is at least {least}") : Text($"lies in [{least}, {most}]"));

    /// <summary>A number within bounds, both included; NaN is not.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is outside.</exception>
    public static double Within(double value, double least, double most, [CallerMemberName] string name = "")
        => value >= least && value <= most
            ? value
            : throw Outside(value, name, Text($"lies in [{least}, {most}]"));

    /// <summary>A number of at least 0 that libtorch can compute with.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is negative, NaN or above <see cref="Largest"/>.</exception>
    public static double NotNegative(double value, double most = Largest, [CallerMemberName] string name = "") => Within(value, 0, most, name);

    /// <summary>A number above 0 that libtorch can compute with.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is not above 0, NaN, below <see cref="Smallest"/> or above <see cref="Largest"/>.</exception>
    public static double Positive(double value, double most = Largest, [CallerMemberName] string name = "") => Within(value, Smallest, most, name);

    /// <summary>A share of a whole, in [0, 1].</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is outside.</exception>
    public static double Share(double value, [CallerMemberName] string name = "") => Within(value, 0, 1, name);

    /// <summary>A decay, in [0, 1).</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is outside.</exception>
    public static double Decay(double value, [CallerMemberName] string name = "")
        => value is >= 0 and < 1 ? value : throw Outside(value, name, "lies in [0, 1)");

    /// <summary>A member of an enumeration.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is none.</exception>
    public static T Member<T>(T value, [CallerMemberName] string name = "") where T : struct,
        Enum => Enum.IsDefined(value) ? value : throw Outside(value, name, $"is one of {string.Join(", ", Enum.GetNames<T>())}");

    /// <summary>Checks that what AdamW hands to libtorch of its numbers, products of them, is a float32.</summary>
    /// <exception cref="ArgumentException">It is not.</exception>
    public static void CheckAdamW(double learningRate, double weightDecay, double beta1)
    {
        if (learningRate / (1 - beta1) > float.MaxValue || learningRate * weightDecay > float.MaxValue)
        {
            throw new ArgumentException(Text($"A learning rate of {learningRate} with a weight decay of {weightDecay} and a first beta of {beta1} ")
                + "gives steps beyond float32; usual rates are 1e-6 to 1e-2.");
        }
    }

    private static ArgumentOutOfRangeException Outside(object value, string name, string rule) => new(name, value, $"{name} {rule}.");

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
