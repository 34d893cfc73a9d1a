namespace PatchDpo.Torch.Evaluation;

/// <summary>Which photos of a subject its generations are compared with. Scores of the two settings are not comparable.</summary>
public enum DreamBenchSetting
{
    /// <summary>All photos of the subject.</summary>
    Original,

    /// <summary>One chosen photo for each subject (<see cref="DreamBench"/> lists them).</summary>
    KosmosG,
}
