using PatchDpo.Torch.Images;

namespace Ablation;

/// <summary>Pictures of the first seed: the references, and what some of the methods draw.</summary>
internal static class Samples
{
    private const int Columns = 12;

    public static void Write(Finished finished, string path)
    {
        int[] shown = Enumerable.Range(0, Math.Min(Columns, finished.FirstSeed.HeldOut.Count)).ToArray();
        int objects = finished.FirstSeed.HeldOut[0].Objects.Count;
        var rows = Enumerable.Range(0, objects)
            .Select(o => (Caption: "reference", Images: shown.Select(i => finished.FirstSeed.HeldOut[i].Objects[o].Reference).ToArray())).ToList();
        Method[] drawn = [Method.Base, Method.Reconstruction, Method.ReferenceOnly, finished.Comparison.PatchDpo];
        rows.AddRange(drawn.Where(finished.Results.Methods.Contains).Select(m => (m.Name, shown.Select(i => finished.Results.Of(m)[0].Images[i]).ToArray())));
        ImageFile.SavePng(path, ImageGrid.Compose(rows.Select(r => r.Images).ToArray(),
            new ImageGridOptions { CellSize = 64, RowCaptions = rows.Select(r => r.Caption).ToArray() }));
    }
}
