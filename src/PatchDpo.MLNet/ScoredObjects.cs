using PatchDpo.MLNet.Interop;
using PatchDpo.Torch.PatchQuality;

namespace PatchDpo.MLNet;

/// <summary>The quality of an image of several objects, and the image for a heat map.</summary>
internal sealed record ScoredObjects(RowImage Generated, ObjectsQualityResult Quality);
