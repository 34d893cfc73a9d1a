using PatchDpo.Torch.Foundation;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Diffusion.Blocks;

/// <summary>
/// Two normalised convolutions with a residual connection; the time embedding is added between them: <c>(B,Cin,H,W), (B,T)? -> (B,Cout,H,W)</c>.
/// </summary>
/// <remarks>diffusers 0.23.1, models/resnet.py, ResnetBlock2D with time_embedding_norm "default".</remarks>
internal sealed class ResnetBlock2D : nn.Module<Tensor, Tensor?, Tensor>
{
    private readonly GroupNorm norm1;
    private readonly SafeConv2d conv1;
    private readonly Linear? time_emb_proj;
    private readonly GroupNorm norm2;
    private readonly SafeConv2d conv2;
    private readonly SafeConv2d? conv_shortcut;
    private readonly Func<Tensor, Tensor> _activation;
    private readonly double _dropout;
    private readonly double _outputScale;

    /// <summary>Makes the block.</summary>
    /// <param name="inChannels">Cin.</param>
    /// <param name="outChannels">Cout; a 1x1 convolution on the shortcut where it differs from Cin.</param>
    /// <param name="timeChannels">T, or null for a block without time embedding (autoencoders).</param>
    /// <param name="groups">Groups of both normalisations.</param>
    /// <param name="eps">1e-5 in UNets, 1e-6 in autoencoders.</param>
    /// <param name="activation">A name that <see cref="Activations"/> knows.</param>
    /// <param name="dropout">Probability before the second convolution, in training mode only.</param>
    /// <param name="outputScale">The sum of both branches is divided by it.</param>
    /// <param name="device">Where the weights are made.</param>
    /// <param name="dtype">The weights' type.</param>
    public ResnetBlock2D(
        int inChannels, int outChannels, int? timeChannels, int groups = 32, double eps = 1e-5, string activation = "silu",
        double dropout = 0, double outputScale = 1, Device? device = null, ScalarType? dtype = null)
        : base(nameof(ResnetBlock2D))
    {
        norm1 = Norms.GroupNorm(groups, inChannels, eps, device, dtype);
        conv1 = new SafeConv2d(inChannels, outChannels, 3, padding: 1, device: device, dtype: dtype);
        if (timeChannels is int t)
            time_emb_proj = nn.Linear(t, outChannels, device: device, dtype: dtype);
        norm2 = Norms.GroupNorm(groups, outChannels, eps, device, dtype);
        conv2 = new SafeConv2d(outChannels, outChannels, 3, padding: 1, device: device, dtype: dtype);
        if (inChannels != outChannels)
            conv_shortcut = new SafeConv2d(inChannels, outChannels, 1, device: device, dtype: dtype);
        _activation = Activations.Get(activation);
        _dropout = dropout;
        _outputScale = outputScale;
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input, Tensor? temb)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor x = conv1.call(_activation(norm1.call(input)));
        if (time_emb_proj is not null)
        {
            if (temb is null)
                throw new ArgumentNullException(nameof(temb), "This block needs a time embedding.");
            x = x.Plus(time_emb_proj.call(_activation(temb)).unsqueeze(-1).unsqueeze(-1));
        }
        x = _activation(norm2.call(x));
        if (_dropout > 0 && training)
            x = nn.functional.dropout(x, _dropout, training: true);
        x = conv2.call(x);
        x = (conv_shortcut is null ? input : conv_shortcut.call(input)).Plus(x);
        if (_outputScale != 1)
            x = x.DividedBy(_outputScale);
        return x.MoveToOuterDisposeScope();
    }
}
