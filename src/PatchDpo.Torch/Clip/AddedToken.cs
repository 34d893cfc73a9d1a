namespace PatchDpo.Torch.Clip;

/// <summary>A token that stands whole wherever a text has it: a special token, or a placeholder of textual inversion.</summary>
/// <param name="Content">The token, as it stands in a text.</param>
/// <param name="Id">Its id.</param>
/// <param name="Source">The file that names it.</param>
internal sealed record AddedToken(string Content, int Id, string Source)
{
    /// <summary>Whether it counts only where it is a word of its own.</summary>
    public bool SingleWord { get; init; }

    /// <summary>Whether it is looked for in the cleaned, lower-case text, not in the text as it was given.</summary>
    public bool Normalized { get; init; }
}
