namespace PatchDpo.Torch.Vision.Cnn;

/// <summary>The residual blocks of ResNets.</summary>
internal enum ResNetBlockKind
{
    /// <summary>Two 3 x 3 convolutions; where the shape changes, the shortcut is a 1 x 1 convolution.</summary>
    Basic,

    /// <summary>1 x 1, 3 x 3, 1 x 1; the shortcut as in <see cref="Basic"/>.</summary>
    Bottleneck,

    /// <summary>Two 3 x 3 convolutions; where the shape changes, the shortcut leaves out pixels and adds channels of zeros.</summary>
    BasicPadded,
}
