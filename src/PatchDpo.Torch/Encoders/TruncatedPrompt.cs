namespace PatchDpo.Torch.Encoders;

/// <summary>A prompt of which a text encoder sees the beginning alone.</summary>
/// <param name="Index">Its place among the prompts of a call (the request, the row, the pair), from 0; null for the negative prompt.</param>
/// <param name="Tokens">How many tokens it has, without the start and the end token.</param>
/// <param name="Limit">How many of them the encoder takes: 75 in every published CLIP model.</param>
/// <param name="Dropped">What is left out, as the tokens spell it: lower-case, with single spaces.</param>
public sealed record TruncatedPrompt(int? Index, int Tokens, int Limit, string Dropped)
{
    private const int ShownCharacters = 80;

    /// <summary>What happens to the prompt, without its name: how many tokens, how many are taken, what is left out (the beginning of it).</summary>
    public string Reason => $"it has {Tokens} tokens and the text encoder takes {Limit}; left out: "
        + $"'{(Dropped.Length > ShownCharacters ? Dropped[..ShownCharacters] + "..." : Dropped)}'.";

    /// <summary>Which prompt it is: "Prompt 3", or "The negative prompt".</summary>
    public string Name => Index is int i ? $"Prompt {i}" : "The negative prompt";

    /// <summary>One sentence for people.</summary>
    public override string ToString() => $"{Name} is cut: {Reason}";
}
