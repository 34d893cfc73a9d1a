using PatchDpo.Torch.Images;

namespace PatchDpo.MLNet;

/// <summary>A generated image and its reference.</summary>
internal sealed record ImagePair(ImageBuffer Generated, ImageBuffer Reference);
