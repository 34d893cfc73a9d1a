using PatchDpo.Torch.Adapters;
using PatchDpo.Torch.Diffusion;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Training;

/// <summary>
/// An image projection in training: the network's backward pass ends at the tokens that it gave, and goes on through it afterwards, once.
/// </summary>
/// <remarks>With gradient checkpointing each of the network's blocks has a backward pass of its own, and all of them end at the tokens.</remarks>
/// <param name="encoder">With the projection that is trained.</param>
internal sealed class ProjectionTraining(ProjectedPromptEncoder encoder)
{
    private readonly List<(Tensor Given, Tensor Leaf)> _cuts = [];

    /// <summary>Makes image prompts with the projection.</summary>
    public ProjectedPromptEncoder Encoder => encoder;

    /// <summary>Conditions at whose image prompts a backward pass ends.</summary>
    public PromptConditions Cut(PromptConditions conditions)
    {
        _cuts.Clear();
        return conditions with { Image = conditions.Image.Map(Cut) };
    }

    /// <summary>Goes on with the gradients that have come to the image prompts.</summary>
    public void Backward()
    {
        foreach ((Tensor given, Tensor leaf) in _cuts)
            if (leaf.grad is { } gradient)
                given.backward([gradient]);
        _cuts.Clear();
    }

    private Tensor Cut(Tensor given)
    {
        if (!given.requires_grad)
            return given;
        Tensor leaf = given.detach().requires_grad_(true);
        _cuts.Add((given, leaf));
        return leaf;
    }
}
