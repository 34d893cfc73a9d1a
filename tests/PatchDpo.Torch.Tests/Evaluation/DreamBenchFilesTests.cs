using PatchDpo.Tests;
using PatchDpo.Torch.Evaluation;

namespace PatchDpo.Torch.Tests.Evaluation;

public sealed class DreamBenchFilesTests : IDisposable
{
    private readonly TemporaryFolder _temporary = new();
    private readonly string _folder;

    public DreamBenchFilesTests() => _folder = _temporary.File("data");

    public void Dispose() => _temporary.Dispose();

    [Fact]
    public void A_complete_folder_of_generations_is_exact()
    {
        foreach (DreamBenchSubject subject in DreamBench.Subjects)
            foreach (string prompt in DreamBench.Prompts(subject))
                Write(subject.Name, prompt + ".png");
        Write("dog", ".hidden");
        DreamBenchFiles files = DreamBenchFiles.FindGenerations(_folder);
        Assert.True(files.IsExact);
        Assert.Equal(750, files.Found.Count);
        DreamBenchFile first = files.Found[0];
        Assert.Equal(("backpack", "a backpack in the jungle", Path.Combine(_folder, "backpack", "a backpack in the jungle.png")),
            (first.Subject.Name, first.Name, first.Path));
        Assert.Equal(750, files.Found.DistinctBy(f => f.Path).Count());
    }

    [Fact]
    public void What_is_missing_and_what_is_stray_is_listed()
    {
        Write("cat", "a cat in the snow.png");
        Write("cat", "a cat in the snow.jpg");
        Write("cat", "a cat with a tree and autumn leaves in the background.png");
        Write("unicorn", "a unicorn in the snow.png");
        Write("", "notes.txt");
        DreamBenchFiles files = DreamBenchFiles.FindGenerations(_folder);
        Assert.False(files.IsExact);
        Assert.Equal("a cat in the snow", Assert.Single(files.Found).Name);
        Assert.Equal(749, files.Missing.Count);
        Assert.Contains(Path.Combine("cat", "a cat in the jungle.png"), files.Missing);
        Assert.DoesNotContain(Path.Combine("cat", "a cat in the snow.png"), files.Missing);
        // Objects' prompts are none of a cat's.
        Assert.Equal(
            [Path.Combine("cat", "a cat in the snow.jpg"), Path.Combine("cat", "a cat with a tree and autumn leaves in the background.png"), "notes.txt",
                Path.Combine("unicorn", "a unicorn in the snow.png")],
            files.Stray);
    }

    [Theory]
    [InlineData(DreamBenchSetting.Original, 158)]
    [InlineData(DreamBenchSetting.KosmosG, 30)]
    public void The_photos_of_a_setting_are_found_whatever_their_format(DreamBenchSetting setting, int count)
    {
        foreach (DreamBenchSubject subject in DreamBench.Subjects)
            foreach (string photo in subject.Photos)
                Write(subject.Name, photo + (subject.Name == "dog" ? ".PNG" : ".jpg"));
        Write("", "prompts_and_classes.txt");
        Write("dog", "notes.txt");
        DreamBenchFiles files = DreamBenchFiles.FindPhotos(_folder, setting);
        Assert.True(files.IsExact);
        Assert.Equal(count, files.Found.Count);
        Assert.Equal(setting == DreamBenchSetting.Original ? ["00", "01", "02", "03", "04"]
            : ["02"], files.Found.Where(f => f.Subject.Name == "dog").Select(f => f.Name));

        File.Delete(Path.Combine(_folder, "vase", "02.jpg"));
        Write("vase", "06.jpg");
        Write("can", "01.png");
        files = DreamBenchFiles.FindPhotos(_folder, setting);
        Assert.Equal([Path.Combine("vase", "02.jpg")], files.Missing);
        Assert.Equal([Path.Combine("can", "01.png"), Path.Combine("vase", "06.jpg")], files.Stray);
    }

    [Fact]
    public void A_folder_that_is_not_there_is_named()
    {
        Assert.Contains(_folder, Assert.Throws<DirectoryNotFoundException>(() => DreamBenchFiles.FindGenerations(_folder)).Message, StringComparison.Ordinal);
        Assert.Contains(_folder, Assert.Throws<DirectoryNotFoundException>(() => DreamBenchFiles.FindPhotos(_folder, DreamBenchSetting.Original)).Message,
            StringComparison.Ordinal);
    }

    [SkippableFact]
    public void The_real_data_set_is_exact()
    {
        string dataSet = Fixtures.SharedOrSkip("dreambench", "dataset");
        foreach (DreamBenchSetting setting in Enum.GetValues<DreamBenchSetting>())
            Assert.True(DreamBenchFiles.FindPhotos(dataSet, setting).IsExact);
    }

    private void Write(string subject, string name)
    {
        Directory.CreateDirectory(Path.Combine(_folder, subject));
        File.WriteAllBytes(Path.Combine(_folder, subject, name), []);
    }
}
