using PatchDpo.Tool.Evaluate;
using PatchDpo.Torch.Evaluation;
using PatchDpo.Torch.Images;

namespace PatchDpo.Tool.Tests;

public sealed class RowsAheadTests : IDisposable
{
    private const int Parts = 3, Images = 5;

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("patchdpo-rows-");
    private readonly ProductImage[][] _parts;

    public RowsAheadTests()
    {
        for (int part = 0; part < Parts; part++)
            for (int i = 0; i <= Images; i++)
                ImageFile.SavePng(PathOf(part, i), Picture(part, i));
        // The last picture of each is its photo.
        _parts = [.. Enumerable.Range(0, Parts).Select(part => Enumerable.Range(0, Images).Select(i =>
            new ProductImage($"{part}", $"{i}", $"prompt {i}", PathOf(part, i), [PathOf(part, Images)])).ToArray())];
    }

    public void Dispose() => _folder.Delete(recursive: true);

    [Theory]
    [InlineData(true, 0, new[] { 0, 1, 2 })]
    [InlineData(true, 3, new[] { 0, 1, 2 })]
    [InlineData(true, 100, new[] { 0, 1, 2 })]
    [InlineData(false, 3, new[] { 2, 0 })]
    public void Rows_come_in_order_with_their_own_pictures_and_one_photo_for_all_of_a_part(bool isWhole, int ahead, int[] asked)
    {
        using var rows = new RowsAhead(_parts, ahead, isWhole);
        foreach (int part in asked)
        {
            List<int> reported = [];
            EvaluationRow[] all = [.. rows.Of(part, reported.Add)];
            Assert.Equal(Enumerable.Range(0, Images).Select(i => Picture(part, i).Pixels), all.Select(r => r.Generated.Pixels));
            Assert.Equal(Enumerable.Range(0, Images).Select(i => ($"{part}", $"prompt {i}")), all.Select(r => (r.Subject, r.Prompt)));
            Assert.All(all, r => Assert.Same(all[0].References[0], r.References[0]));
            Assert.Equal(Picture(part, Images).Pixels, all[0].References[0].Pixels);
            Assert.Equal(Enumerable.Range(1, Images), reported);
        }
    }

    [Fact]
    public void What_is_wrong_with_a_file_is_told_at_its_row_and_not_before()
    {
        File.WriteAllText(PathOf(1, 2), "no image");
        using var rows = new RowsAhead(_parts, 100, isWhole: true);
        Assert.Equal(Images, rows.Of(0, _ => { }).Count());
        using IEnumerator<EvaluationRow> second = rows.Of(1, _ => { }).GetEnumerator();
        Assert.True(second.MoveNext());
        Assert.True(second.MoveNext());
        Assert.Throws<InvalidImageException>(() => second.MoveNext());
    }

    private static ImageBuffer Picture(int part, int i) => new(4, 4, 3, [.. Enumerable.Repeat((byte)((part * 20) + i), 48)]);

    private string PathOf(int part, int i) => Path.Combine(_folder.FullName, $"{part}-{i}.png");
}
