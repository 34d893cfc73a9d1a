namespace PatchDpo.Tool.Score;

/// <summary>Two photos, with the subjects that they show.</summary>
internal sealed record SubjectPair(string First, string Second, ImagePair Images)
{
    public float Score { get; set; }
}
