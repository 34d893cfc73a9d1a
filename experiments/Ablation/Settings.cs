namespace Ablation;

/// <summary>What the command line chooses.</summary>
internal sealed record Settings
{
    public required IReadOnlyList<int> Seeds { get; init; }

    /// <summary>Pairs to train on; one subject each.</summary>
    public int Pairs { get; init; }

    public int HeldOutSubjects { get; init; }

    public int Steps { get; init; }

    public int BatchSize { get; init; }

    public double LearningRate { get; init; }

    public double DiffusionDpoBeta { get; init; }

    /// <summary>Names of methods, or pieces of them; none: all methods.</summary>
    public required IReadOnlyList<string> Methods { get; init; }

    /// <summary>The folder that the table and the plot are written to.</summary>
    public required string Output { get; init; }

    /// <summary>The folder that finished curves are kept in; null: none are.</summary>
    public string? Keep { get; init; }

    /// <summary>The arguments that chose all this, for the report.</summary>
    public required string Arguments { get; init; }
}
