using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Clip;

/// <summary>Words that stand in a text as embeddings, in the place of one of its tokens.</summary>
/// <remarks>
/// ELITE, train_global.py, inj_forward_text: before positions are added, N words take the token's place, what follows moves right by N - 1, and what
/// falls off the end is dropped.
/// </remarks>
/// <param name="Words"><c>(B,N,D)</c>.</param>
/// <param name="Places">Which token of each row they replace, from 0; -1 leaves the row as it is. B values.</param>
internal sealed record WordInjection(Tensor Words, IReadOnlyList<int> Places)
{
    /// <summary>Puts the words into token embeddings, <c>(B,T,D) -> (B,T,D)</c>, in the current dispose scope.</summary>
    /// <exception cref="ArgumentException">The words do not fit before the end of a row.</exception>
    public Tensor Apply(Tensor tokens)
    {
        long length = tokens.shape[1], count = Words.shape[1];
        using DisposeScope scope = NewDisposeScope();
        var rows = new Tensor[Places.Count];
        for (int row = 0; row < rows.Length; row++)
        {
            int place = Places[row];
            if (place + count > length)
                throw new ArgumentException($"Row {row}: {count} words at place {place} exceed the text's {length} tokens.", nameof(tokens));
            rows[row] = place < 0 ? tokens[row] : cat(
            [
                tokens[row].narrow(0, 0, place), Words[row].to_type(tokens.dtype), tokens[row].narrow(0, place + 1, length - place - count),
            ]);
        }
        return stack(rows).MoveToOuterDisposeScope();
    }
}
