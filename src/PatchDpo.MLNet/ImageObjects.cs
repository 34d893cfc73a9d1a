using PatchDpo.Torch.Images;

namespace PatchDpo.MLNet;

/// <summary>A generated image of several objects, a reference of each, and where the objects are in these; null: everywhere.</summary>
internal sealed record ImageObjects(ImageBuffer Generated, ImageBuffer[] References, bool[,]?[]? Masks);
