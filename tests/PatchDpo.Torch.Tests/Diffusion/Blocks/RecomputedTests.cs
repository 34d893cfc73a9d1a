using PatchDpo.Torch.Diffusion.Blocks;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Diffusion.Blocks;

public class RecomputedTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Gradients_of_input_and_parameters_are_those_of_the_parts_themselves(bool inputHasGradient)
    {
        using DisposeScope scope = NewDisposeScope();
        random.manual_seed(1);
        Linear[] parts = [nn.Linear(6, 6), nn.Linear(6, 6), nn.Linear(6, 6)];
        Tensor input = randn(4, 6);
        (Tensor? direct, Tensor[] ofParts) = Gradients((part, x) => part(x));
        (Tensor? again, Tensor[] ofPartsAgain) = Gradients(Recomputed.Apply);
        Assert.Equal(inputHasGradient, direct is not null);
        Assert.Equal(inputHasGradient, again is not null);
        if (direct is not null)
            Assert.True(direct.Equals(again!));
        Assert.All(ofParts.Zip(ofPartsAgain), p => Assert.True(p.First.Equals(p.Second)));

        (Tensor? Input, Tensor[] Parts) Gradients(Func<Func<Tensor, Tensor>, Tensor, Tensor> apply)
        {
            foreach (Linear part in parts)
                part.zero_grad();
            Tensor x = input.clone().requires_grad_(inputHasGradient), y = x;
            foreach (Linear part in parts)
                y = apply(v => part.call(v).tanh(), y);
            y.square().sum().backward();
            return (x.grad?.clone(), [.. parts.SelectMany(p => p.parameters()).Select(p => p.grad!.clone())]);
        }
    }

    [Fact]
    public void Without_gradients_the_part_is_computed_once()
    {
        using DisposeScope scope = NewDisposeScope();
        int calls = 0;
        using (no_grad())
            Recomputed.Apply(x => { calls++; return x.neg(); }, ones(2));
        Assert.Equal(1, calls);
        Tensor y = Recomputed.Apply(x => { calls++; return x.neg(); }, ones(2).requires_grad_());
        Assert.Equal(2, calls);
        y.sum().backward();
        Assert.Equal(3, calls);
    }

    [Fact]
    public void Leaves_nothing_behind() => LeakCheck.Run(() =>
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor x = ones(2).requires_grad_();
        Recomputed.Apply(v => v.sin(), Recomputed.Apply(v => v.exp(), x)).sum().backward();
    });
}
