using Microsoft.ML;
using PatchDpo.Torch.Encoders;

namespace PatchDpo.MLNet.Interop;

/// <summary>A text column whose values a text encoder may cut: it warns of a row of which that happens, or throws.</summary>
/// <param name="name">The column's name.</param>
/// <param name="maxLength">The most characters that a value may have.</param>
/// <param name="findTruncated">Which of the texts the encoder cuts.</param>
/// <param name="refuse">Whether that is an error.</param>
/// <param name="log">Called for each row.</param>
/// <param name="allowEmpty">Whether a row may have no text.</param>
internal sealed class PromptInput(
    string name, int maxLength, Func<IReadOnlyList<string>, IReadOnlyList<TruncatedPrompt>> findTruncated, bool refuse, TruncationLog log, bool allowEmpty)
        : TextInput(name, maxLength, allowEmpty)
{
    public override Func<string> Reader(DataViewRow row)
    {
        Func<string> read = base.Reader(row);
        return () =>
        {
            string text = read();
            foreach (TruncatedPrompt cut in findTruncated([text]))
            {
                if (refuse)
                    throw new InvalidRowException(Name, row.Position, cut.Reason);
                log.Tell(Name, row.Position, cut);
            }
            return text;
        };
    }
}
