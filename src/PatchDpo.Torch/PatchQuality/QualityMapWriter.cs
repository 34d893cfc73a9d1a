using System.Runtime.InteropServices;
using PatchDpo.Torch.Weights.Pickle;

namespace PatchDpo.Torch.PatchQuality;

/// <summary>Writes one <c>patch_quality.pkl</c> with the bytes that Python's pickle gives for such a list of numpy arrays.</summary>
internal sealed class QualityMapWriter(Stream stream)
{
    private readonly PickleWriter _pickle = new(stream, protocol: 3);

    // Places in the memo of what all arrays share.
    private int? _emptyData, _dtype;

    public void Write(IReadOnlyList<IReadOnlyList<QualityMapPair>> maps)
    {
        _pickle.List(maps, sample => _pickle.List(sample, pair =>
            _pickle.Dictionary<QualityMap>([new("target_map", pair.Reference), new("gene_map", pair.Generated)], WriteMap)));
        _pickle.Stop();
    }

    // numpy.ndarray.__reduce__: _reconstruct(ndarray, (0,), b"b"), then the state (version, shape, dtype, is Fortran order, data).
    private void WriteMap(QualityMap map)
    {
        _pickle.Global("numpy.core.multiarray", "_reconstruct");
        _pickle.Global("numpy", "ndarray");
        _pickle.Tuple([0]);
        _emptyData = Once(_emptyData, () => _pickle.Bytes("b"u8));
        _pickle.Tuple(count: 3);
        _pickle.Reduce();
        _pickle.Mark();
        _pickle.Integer(1);
        _pickle.Tuple([map.Height, map.Width]);
        _dtype = Once(_dtype, WriteDType);
        _pickle.Boolean(false);
        _pickle.Bytes(MemoryMarshal.AsBytes<float>(map.Values));
        _pickle.Tuple(count: 5);
        _pickle.Build();
    }

    // numpy.dtype("f4", align=False, copy=True), then its state (version, byte order, …).
    private int WriteDType()
    {
        _pickle.Global("numpy", "dtype");
        _pickle.Text("f4");
        _pickle.Boolean(false);
        _pickle.Boolean(true);
        _pickle.Tuple(count: 3);
        int place = _pickle.Reduce();
        _pickle.Mark();
        _pickle.Integer(3);
        _pickle.Text("<");
        for (int i = 0; i < 3; i++)
            _pickle.None();
        _pickle.Integer(-1);
        _pickle.Integer(-1);
        _pickle.Integer(0);
        _pickle.Tuple(count: 8);
        _pickle.Build();
        return place;
    }

    private int Once(int? place, Func<int> write)
    {
        if (place is not { } known)
            return write();
        _pickle.Recall(known);
        return known;
    }
}
