using PatchDpo.Torch.Foundation;

namespace PatchDpo.Torch.Adapters;

/// <summary>A request's references, or a pair's, lack what the model's family of adapters needs of them: a name, a mask, a box.</summary>
public sealed class UnsuitableReferencesException : PatchDpoException
{
    /// <summary>Creates the exception.</summary>
    /// <param name="item">Whose references they are ("request 3").</param>
    /// <param name="index">Its index in its list.</param>
    /// <param name="problem">What is wrong, as the end of a sentence.</param>
    public UnsuitableReferencesException(string item, int index, string problem)
        : base($"The references of {item} do not suit the model's adapter: {problem}")
    {
        Item = item;
        Index = index;
    }

    /// <summary>Whose references they are ("request 3").</summary>
    public string Item { get; }

    /// <summary>Its index in its list, from 0.</summary>
    public int Index { get; }
}
