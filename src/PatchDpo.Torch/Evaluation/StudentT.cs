namespace PatchDpo.Torch.Evaluation;

/// <summary>Student's t distribution, as far as 95 % confidence intervals need it.</summary>
internal static class StudentT
{
    private static readonly double[] Table =
    [
        12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060, 2.2622, 2.2281,
        2.2010, 2.1788, 2.1604, 2.1448, 2.1314, 2.1199, 2.1098, 2.1009, 2.0930, 2.0860,
    ];

    /// <summary>The 97.5 % quantile, right to four decimals.</summary>
    /// <param name="degreesOfFreedom">At least 1.</param>
    public static double Quantile975(int degreesOfFreedom)
    {
        if (degreesOfFreedom <= Table.Length)
            return Table[degreesOfFreedom - 1];
        // Cornish-Fisher expansion around the normal quantile.
        double z = 1.959963984540054;
        double n = degreesOfFreedom, z3 = z * z * z, z5 = z3 * z * z, z7 = z5 * z * z;
        return z + ((z3 + z) / (4 * n)) + (((5 * z5) + (16 * z3) + (3 * z)) / (96 * n * n))
            + (((3 * z7) + (19 * z5) + (17 * z3) - (15 * z)) / (384 * n * n * n));
    }
}
