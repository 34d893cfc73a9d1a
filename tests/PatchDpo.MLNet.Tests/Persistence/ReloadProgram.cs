using System.Globalization;
using System.Security.Cryptography;
using Microsoft.ML;
using PatchDpo.MLNet.Tests.Runtime;
using PatchDpo.MLNet.Tests.Support;

namespace PatchDpo.MLNet.Tests.Persistence;

/// <summary>The entry point of this assembly: what a process does that knows nothing but a saved model, and other parts of tests that need a process.</summary>
internal static class ReloadProgram
{
    /// <summary>Loads a model and prints a line of values for each row.</summary>
    /// <param name="args">The model's file, a folder of images, and the columns to print, or another part's name; nothing when the test runner probes.</param>
    public static int Main(string[] args)
    {
        switch (args)
        {
            case [TorchProbe.Compute]:
                return TorchProbe.RunComputation();
            case [TorchProbe.CallEverything]:
                return TorchProbe.RunCalls();
            case [SaveLoop.Argument, string path]:
                return SaveLoop.Run(path);
            case { Length: < 3 }:
                return 0;
        }
        var ml = new MLContext();
        PatchDpoComponents.Register(ml);
        ITransformer model = ml.Model.Load(args[0], out _);
        IDataView rows = ImageFolder.Rows(ml, Directory.GetFiles(args[1], "*.png").Order(StringComparer.Ordinal));
        foreach (string line in Print(model.Transform(rows), args[2..]))
            Console.WriteLine(line);
        return 0;
    }

    public static IEnumerable<string> Print(IDataView view, string[] columns)
        => RowReader.Read(view, columns).Select(row => string.Join(' ', row.Select(Text)));

    private static string Text(object value) => value switch
    {
        float f => f.ToString("R", CultureInfo.InvariantCulture),
        float[] v => string.Join(',', v.Select(f => f.ToString("R", CultureInfo.InvariantCulture))),
        byte[] b => Convert.ToHexString(SHA256.HashData(b)),
        _ => value.ToString()!,
    };
}
