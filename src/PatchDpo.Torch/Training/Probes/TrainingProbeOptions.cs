using PatchDpo.Torch.Evaluation;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Loop;
using PatchDpo.Torch.Personalization;

namespace PatchDpo.Torch.Training.Probes;

/// <summary>What a training draws and measures again and again, to be watched by, and to know its best checkpoint.</summary>
/// <remarks>
/// A probe is drawn before the first step, every <see cref="Every"/> steps and at the end, with the layers that the training would give at that step
/// (their moving average where there is one), always from the same noise. It changes nothing of the training: the layers have the same bits with and
/// without it. A training that goes on from a step that has a probe draws it again. Probes are not in the paper.
/// </remarks>
public sealed record TrainingProbeOptions
{
    /// <summary>What is drawn, at least one row.</summary>
    /// <exception cref="ArgumentException">There is no row, or one lacks its subject, prompt or references.</exception>
    public required IReadOnlyList<TrainingProbeRow> Rows
    {
        get;
        init
        {
            ArgumentNullException.ThrowIfNull(value);
            if (value.Count == 0)
                throw new ArgumentException("A probe needs at least one row.", nameof(Rows));
            for (int i = 0; i < value.Count; i++)
                if (value[i] is not { References.Count: > 0 } row || string.IsNullOrEmpty(row.Subject) || string.IsNullOrWhiteSpace(row.Prompt)
                    || row.References.Any(r => r is null))
                    throw new ArgumentException($"Row {i} of the probe lacks its subject, its prompt or its references.", nameof(Rows));
            field = value;
        }
    }

    /// <summary>What measures; it and its encoders stay the caller's.</summary>
    public required PersonalizationEvaluator Evaluator { get; init => field = value ?? throw new ArgumentNullException(nameof(Evaluator)); }

    /// <summary>Steps between two probes, at least 1. Default 500, as <see cref="TrainingStateOptions.Interval"/>.</summary>
    public int Every { get; init => field = ArgumentRange.Within(value, 1); } = 500;

    /// <summary>How pictures are drawn, seed included.</summary>
    public GenerationOptions Generation { get; init => field = value ?? throw new ArgumentNullException(nameof(Generation)); } = new();

    /// <summary>What decides which step is the best; the evaluator must measure it. Default: patch quality, which is what PatchDPO trains for.</summary>
    /// <exception cref="ArgumentOutOfRangeException">No member of the enumeration.</exception>
    public PersonalizationMetric Metric { get; init => field = ArgumentRange.Member(value); }

    /// <summary>
    /// Whether the training gives the best step's layers in place of the last one's; <see cref="Adapters.AdapterLayers.TrainedSteps"/> says which step that
    /// was. Default: false. They are held in memory meanwhile, or lie in the best checkpoint where the training keeps its state. Of
    /// several processes the first one alone probes; all give what it found.
    /// </summary>
    public bool GivesBest { get; init; }

    /// <summary>Checks what no single property can.</summary>
    /// <exception cref="ArgumentException">The evaluator does not measure what decides.</exception>
    internal void Validate()
    {
        if (!Evaluator.Measures(Metric))
            throw new ArgumentException($"The probe's evaluator has no model that measures {Metric}, which is to decide the best step.");
    }
}
