using PatchDpo.MLNet.Interop;

namespace PatchDpo.MLNet;

/// <summary>A generated image of several objects, and a reference of each.</summary>
internal sealed record ImageObjects(RowImage Generated, RowImage[] References);
