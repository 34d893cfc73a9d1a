namespace PatchDpo.Torch.Loop;

/// <summary>How a learning rate falls once it has been reached.</summary>
public enum LearningRateDecay
{
    /// <summary>Not at all: diffusers' <c>constant</c> and, with warm-up, <c>constant_with_warmup</c>.</summary>
    Constant,

    /// <summary>Along a line to 0 behind the last step: diffusers' <c>linear</c>.</summary>
    Linear,

    /// <summary>Along half a cosine to 0 behind the last step: diffusers' <c>cosine</c>.</summary>
    Cosine,
}
