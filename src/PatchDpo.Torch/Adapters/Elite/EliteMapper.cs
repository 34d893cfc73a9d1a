using System.Globalization;
using PatchDpo.Torch.Foundation;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Adapters.Elite;

/// <summary>
/// ELITE's global or local mapper without its keys and values: from the image encoder's states to words of the text, or to tokens beside it.
/// </summary>
/// <remarks>
/// ELITE, train_global.py (Mapper) and train_local.py (MapperLocal). State-dict keys are <c>mapping_{i}.*</c> for the class token of state i and
/// <c>mapping_patch_{i}.*</c> for its patches.
/// </remarks>
internal sealed class EliteMapper : nn.Module
{
    /// <summary>
    /// The image encoder's states in the mappers' order: null for the last layer's output, without the post norm; else the layer whose output it is.
    /// </summary>
    public static readonly IReadOnlyList<int?> Layers = [null, 4, 8, 12, 16];

    private readonly EliteMapping[] _classes, _patches;

    /// <summary>Makes a mapper with PyTorch's initial weights.</summary>
    /// <param name="inputChannels">Width D of the image encoder's states.</param>
    /// <param name="hidden">Width inside (ELITE: 1024).</param>
    /// <param name="outputChannels">Width C of the text.</param>
    /// <param name="device">Where the weights are made.</param>
    /// <param name="dtype">The weights' type.</param>
    public EliteMapper(int inputChannels, int hidden, int outputChannels, Device? device = null, ScalarType? dtype = null) : base(nameof(EliteMapper))
    {
        (InputChannels, OutputChannels) = (inputChannels, outputChannels);
        _classes = Make("mapping_");
        _patches = Make("mapping_patch_");

        EliteMapping[] Make(string prefix)
        {
            var all = new EliteMapping[Layers.Count];
            for (int i = 0; i < all.Length; i++)
            {
                all[i] = new EliteMapping(inputChannels, hidden, outputChannels, device, dtype);
                register_module(prefix + i.ToString(CultureInfo.InvariantCulture), all[i]);
            }
            return all;
        }
    }

    /// <summary>D, the width of the image encoder's states.</summary>
    public int InputChannels { get; }

    /// <summary>C, the width of the text.</summary>
    public int OutputChannels { get; }

    /// <summary>The states that the mappers take, of all that the image encoder has: the embeddings after its first norm, then each layer's output.</summary>
    public static IReadOnlyList<Tensor> Select(IReadOnlyList<Tensor> states) => [.. Layers.Select(l => states[l ?? states.Count - 1])];

    /// <summary>
    /// The global mapper: a word for each state, of its class token and the mean over its patches, each mapped: <c>5 x (B,1+P,D) -> (B,5,C)</c>.
    /// </summary>
    /// <param name="states">As <see cref="Select"/> gives them.</param>
    /// <param name="count">How many words are wanted, the first of them.</param>
    public Tensor Words(IReadOnlyList<Tensor> states, int count)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor[] words = [.. Enumerable.Range(0, count).Select(i =>
        {
            (Tensor mappedClass, Tensor mappedPatches) = Map(states, i);
            return mappedClass.Plus(mappedPatches.mean([1], keepdim: true));
        })];
        return cat(words, 1).MoveToOuterDisposeScope();
    }

    /// <summary>The local mapper: the mean over the states of each patch, mapped, and its class token, mapped: <c>5 x (B,1+P,D) -> (B,P,C)</c>.</summary>
    /// <param name="states">As <see cref="Select"/> gives them.</param>
    public Tensor Tokens(IReadOnlyList<Tensor> states)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor[] tokens = [.. Enumerable.Range(0, states.Count).Select(i =>
        {
            (Tensor mappedClass, Tensor mappedPatches) = Map(states, i);
            return mappedClass.Plus(mappedPatches);
        })];
        return stack(tokens).mean([0]).MoveToOuterDisposeScope();
    }

    private (Tensor Class, Tensor Patches) Map(IReadOnlyList<Tensor> states, int i)
        => (_classes[i].call(states[i].narrow(1, 0, 1)), _patches[i].call(states[i].narrow(1, 1, states[i].shape[1] - 1)));
}
