using System.Globalization;
using System.Text;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Weights;
using PatchDpo.Torch.Weights.Onnx;
using PatchDpo.Torch.Weights.Pickle;
using PatchDpo.Torch.Weights.Safetensors;
using TorchSharp;

namespace PatchDpo.Tool.Inspect;

/// <summary>What is printed of one weight file, and what counts towards a folder's totals.</summary>
internal sealed record WeightListing(string Text, long Tensors, long Parameters, long FileBytes)
{
    // A value of the metadata can be a whole training log.
    private const int MaxValueLength = 200;

    /// <summary>Opens a file and describes it; with statistics, reads all of it.</summary>
    public static WeightListing Of(string path, bool stats, CancellationToken cancellationToken)
    {
        using ITensorFile file = WeightsFile.Open(path);
        long parameters = 0, fileBytes;
        using (FileStream stream = RegularFile.OpenRead(path, kind => new WeightsFormatException(path, null, $"this is {kind}, not a weight file.")))
            fileBytes = stream.Length;
        List<string[]> rows = [stats ? ["key", "dtype", "shape", "min", "mean", "max", "non-finite"] : ["key", "dtype", "shape"]];
        foreach (string key in file.Keys)
        {
            cancellationToken.ThrowIfCancellationRequested();
            long[] shape = file.Shape(key);
            parameters += shape.Aggregate(1L, (product, size) => product * size);
            string name = key.Length == 0 ? "(no name)" : KeyText.Escape(key, MaxValueLength);
            rows.Add([name, Name(file.DType(key)), $"[{string.Join(",", shape)}]", .. stats ? Statistics(file, key) : []]);
        }
        StringBuilder text = new();
        text.AppendLine(KeyText.Escape(path)).AppendLine(Format(file)).AppendLine();
        AppendTable(text, rows);
        text.AppendLine().AppendLine(Totals(rows.Count - 1, parameters, fileBytes));
        foreach ((string name, string value) in Notes(file))
            text.AppendLine($"{KeyText.Escape(name, MaxValueLength)} = {KeyText.Escape(value, MaxValueLength)}");
        return new WeightListing(text.ToString(), rows.Count - 1, parameters, fileBytes);
    }

    /// <summary>The line of sums.</summary>
    public static string Totals(long tensors, long parameters, long fileBytes) =>
        $"{Count(tensors, "tensor")}, {Count(parameters, "parameter")}, {Count(fileBytes, "byte")}";

    private static string Count(long count, string noun)
        => string.Create(CultureInfo.InvariantCulture, $"{count:N0} {noun}{(count == 1 ? "" : "s")}");

    private static string Format(ITensorFile file) => file switch
    {
        SafetensorsFile => "safetensors",
        TorchCheckpoint { IsLegacy: true } => "PyTorch checkpoint, in the format before PyTorch 1.6",
        TorchCheckpoint => "PyTorch checkpoint, zip",
        OnnxFile => "ONNX, the initialisers of its graph",
        _ => "index of weights in several files",
    };

    /// <summary>What a file holds beside tensors: metadata, and a checkpoint's numbers and strings.</summary>
    private static IEnumerable<(string Name, string Value)> Notes(ITensorFile file) =>
    [
        .. file.Metadata.Select(m => (m.Key, m.Value)),
        .. file is TorchCheckpoint checkpoint ? checkpoint.Values.Select(v => (v.Key, Convert.ToString(v.Value, CultureInfo.InvariantCulture)!)) : [],
    ];

    private static string[] Statistics(ITensorFile file, string key)
    {
        using torch.Tensor values = file.Read(key);
        TensorStatistics statistics = TensorStatistics.Of(values);
        string Number(double value) => double.IsNaN(value) ? "-" : value.ToString("G5", CultureInfo.InvariantCulture);
        string nonFinite = statistics.NonFinite.ToString("N0", CultureInfo.InvariantCulture);
        return [Number(statistics.Minimum), Number(statistics.Mean), Number(statistics.Maximum), nonFinite];
    }

    // PyTorch's names.
    private static string Name(torch.ScalarType type) => type == torch.ScalarType.Byte ? "uint8" : type.ToString().ToLowerInvariant();

    private static void AppendTable(StringBuilder text, List<string[]> rows)
    {
        int[] widths = [.. rows[0].Select((_, column) => rows.Max(row => row[column].Length))];
        foreach (string[] row in rows)
        {
            // Names to the left, numbers to the right.
            IEnumerable<string> cells = row.Select((cell, column) => column < 3 ? cell.PadRight(widths[column]) : cell.PadLeft(widths[column]));
            text.AppendLine(string.Join("  ", cells).TrimEnd());
        }
    }
}
