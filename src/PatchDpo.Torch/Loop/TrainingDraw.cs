namespace PatchDpo.Torch.Loop;

/// <summary>What training draws at random; each kind has numbers of its own.</summary>
internal enum TrainingDraw
{
    /// <summary>The order of rows in an epoch.</summary>
    Order,

    /// <summary>Noise of the forward process, or of an autoencoder's sample.</summary>
    Noise,

    /// <summary>Timesteps.</summary>
    Timestep,

    /// <summary>Which conditions are dropped.</summary>
    Dropout,

    /// <summary>Views of images, and points in them.</summary>
    Views,

    /// <summary>Changes of light.</summary>
    Light,

    /// <summary>What a fresh head starts from.</summary>
    Start,

    /// <summary>Noise that a whole channel of latents shares.</summary>
    NoiseOffset,
}
