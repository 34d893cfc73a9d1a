using PatchDpo.MLNet.Interop;

namespace PatchDpo.MLNet;

/// <summary>A generated image and its reference, and where their objects are as columns say it; null: everywhere.</summary>
internal sealed record ImagePair(RowImage Generated, RowImage Reference, bool[,]? GeneratedMask, bool[,]? ReferenceMask);
