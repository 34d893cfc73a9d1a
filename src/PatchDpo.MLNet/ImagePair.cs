using PatchDpo.Torch.Images;

namespace PatchDpo.MLNet;

/// <summary>A generated image and its reference, and where their objects are; null: everywhere.</summary>
internal sealed record ImagePair(ImageBuffer Generated, ImageBuffer Reference, bool[,]? GeneratedMask, bool[,]? ReferenceMask);
