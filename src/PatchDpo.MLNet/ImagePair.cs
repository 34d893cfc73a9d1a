using PatchDpo.MLNet.Interop;

namespace PatchDpo.MLNet;

/// <summary>A row's generated image and its reference, and where their objects are as columns say it; null: everywhere.</summary>
internal sealed record ImagePair(long Row, RowImage Generated, RowImage Reference, bool[,]? GeneratedMask, bool[,]? ReferenceMask);
