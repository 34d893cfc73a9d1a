using PatchDpo.Tests;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.Pairs;
using PatchDpo.Torch.PatchQuality;
using PatchDpo.Torch.Training.Data;

namespace PatchDpo.Torch.Tests.Training.Data;

public sealed class PairRecordTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Records_come_back_as_they_were_in_any_order_from_memory_and_from_files(bool onDisk)
    {
        TrainingPair[] pairs = [.. Enumerable.Range(0, 50).Select(Pair)];
        string path = _folder.File("records");
        Directory.CreateDirectory(path);
        using (var records = new PairRecords(onDisk ? path : null))
        {
            foreach (TrainingPair pair in pairs)
                records.Add(PairRecord.Of(pair));
            records.Flush();
            Assert.Equal(50, records.Count);
            foreach (int i in Enumerable.Range(0, 50).Reverse())
                AssertSame(pairs[i], records[i]);
            Assert.Equal(Enumerable.Range(0, 50).Select(i => records[i].Prompt), records.All().Select(r => r.Prompt));
            Assert.Equal(onDisk ? 2 : 0, Directory.GetFiles(path).Length);

            using var same = new PairRecords(null);
            foreach (TrainingPair pair in pairs)
                same.Add(PairRecord.Of(pair));
            Assert.Equal(same.Sha256, records.Sha256);
        }
        Assert.Empty(Directory.GetFiles(path));
    }

    [Fact]
    public void Whatever_differs_between_two_pairs_makes_another_hash()
    {
        TrainingPair pair = Pair(1);
        TrainingPair[] others =
        [
            pair, pair with { Prompt = "another" }, pair with { Reference = TinyPersonalizedModel.Image(99) }, pair with { Generated = TinyPersonalizedModel.Image(99) },
            pair with { ReferenceQuality = new QualityMap(1, 1, [0.5f]) }, pair with { GeneratedQuality = new QualityMap(1, 2, [0.1f, 0.2f]) },
            pair with { GeneratedQuality = new QualityMap(2, 1, [0.1f, 0.2f]) }, pair with { ImagePrompts = [pair.Generated] },
            With(new(pair.Generated) { Name = "a" }), With(new(pair.Generated) { Name = "" }), With(new(pair.Generated) { Mask = pair.Reference }),
            With(new(pair.Generated) { OtherPhotos = [pair.Reference] }), With(new(pair.Generated) { Box = new LayoutBox(0, 0, 0.5, 1) }),
            With(new(pair.Generated) { Box = new LayoutBox(0, 0, 1, 0.5) }), With(new(pair.Generated) { Scale = 0.5 }),
        ];
        string[] hashes = [.. others.Select(p =>
        {
            using var records = new PairRecords(null);
            records.Add(PairRecord.Of(p));
            return records.Sha256;
        })];
        Assert.Equal(hashes.Length, hashes.Distinct().Count());

        TrainingPair With(ReferenceImage reference) => pair with { ImagePrompts = [reference] };
    }

    private static void AssertSame(TrainingPair pair, PairRecord record)
    {
        Assert.Equal(pair.Prompt, record.Prompt);
        Assert.Equal((pair.ImagePrompts ?? [pair.Reference]).Select(PairRecord.ContentOf), record.ImagePrompts);
        foreach ((ImageBuffer image, QualityMap map, PairImage kept) in new[]
        {
            (pair.Reference, pair.ReferenceQuality, record.Reference), (pair.Generated, pair.GeneratedQuality, record.Generated),
        })
        {
            Assert.Equal((image.Content, image.Width, image.Height, map.Height, map.Width),
                (kept.Content, kept.Width, kept.Height, kept.Quality.Height, kept.Quality.Width));
            Assert.Equal(map.Values, kept.Quality.Values);
        }
    }

    private static TrainingPair Pair(int i) => new($"a thing {i}", TinyPersonalizedModel.Image(i), TinyPersonalizedModel.Image(i + 1, 20 + i, 30),
        new QualityMap(1 + (i % 3), 2, [.. Enumerable.Range(0, 2 * (1 + (i % 3))).Select(n => n / 7f)]), new QualityMap(1, 1, [i / 50f]))
    {
        ImagePrompts = i % 2 == 0 ? null : [.. Enumerable.Range(0, i % 5 + 1).Select(n => TinyPersonalizedModel.Image(n))],
    };
}
