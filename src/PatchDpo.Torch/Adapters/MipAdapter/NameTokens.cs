using PatchDpo.Torch.Clip;

namespace PatchDpo.Torch.Adapters.MipAdapter;

/// <summary>Where a prompt's tokens are those of an object's name.</summary>
internal static class NameTokens
{
    /// <summary>How many tokens a name has.</summary>
    public static int Count(ClipTokenizer tokenizer, string name) => tokenizer.Encode(name).Count - 2;

    /// <summary>The place of the name's first token among the prompt's, the start counted; -1 where the prompt has not these tokens in a row.</summary>
    /// <remarks>MIP-Adapter, get_entity_index; it reads the number of tokens alone.</remarks>
    public static int Find(ClipTokenizer tokenizer, string prompt, string name)
    {
        int[] ids = [.. tokenizer.Encode(prompt)], searched = [.. tokenizer.Encode(name)];
        return ids.AsSpan().IndexOf(searched.AsSpan()[1..^1]);
    }
}
