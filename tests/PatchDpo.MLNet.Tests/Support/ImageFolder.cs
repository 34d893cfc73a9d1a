using Microsoft.ML;
using Microsoft.ML.Data;

namespace PatchDpo.MLNet.Tests.Support;

/// <summary>A temporary folder of drawn PNG files, <c>0.png</c>, <c>1.png</c>, ..., removed when disposed.</summary>
internal sealed class ImageFolder : IDisposable
{
    public ImageFolder(int count)
    {
        Path = Directory.CreateTempSubdirectory("patchdpo-tests-").FullName;
        for (int i = 0; i < count; i++)
        {
            using MLImage image = TestImages.Draw(i);
            image.Save(File(i));
        }
    }

    public string Path { get; }

    public string File(int index) => System.IO.Path.Combine(Path, $"{index}.png");

    /// <summary>Rows that name the files: what survives shuffling, caching and saving, as images do not.</summary>
    public IDataView Rows(MLContext ml, int count) => Rows(ml, Enumerable.Range(0, count).Select(File));

    public static IDataView Rows(MLContext ml, IEnumerable<string> paths)
        => ml.Data.LoadFromEnumerable(paths.Select((path, i) => new PathRow { Id = i, Prompt = $"cube number {i}", ImagePath = path }).ToArray());

    public void Dispose() => Directory.Delete(Path, recursive: true);

    public sealed class PathRow
    {
        public int Id { get; set; }

        public string Prompt { get; set; } = "";

        public string ImagePath { get; set; } = "";
    }
}
