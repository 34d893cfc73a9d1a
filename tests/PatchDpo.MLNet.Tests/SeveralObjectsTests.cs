using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms.Image;
using PatchDpo.MLNet.Interop;
using PatchDpo.MLNet.Tests.Support;
using PatchDpo.Tests;
using PatchDpo.Torch.Adapters;
using PatchDpo.Torch.DataConstruction;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.PatchQuality;
using PatchDpo.Torch.Personalization;
using PatchDpo.Torch.Training;

namespace PatchDpo.MLNet.Tests;

/// <summary>MIP-Adapter and MS-Diffusion through ML.NET: names and boxes are columns, and a saved model knows them.</summary>
public sealed class SeveralObjectsTests : IDisposable
{
    private static readonly string[] Photos = ["First", "Second"], Names = ["FirstName", "SecondName"], Boxes = ["FirstBox", "SecondBox"];

    private readonly MLContext _ml = new(1);
    private readonly string _folder = Directory.CreateTempSubdirectory("patchdpo-objects-ml-").FullName;

    public SeveralObjectsTests() => TinyPersonalizedModel.Write(_folder);

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Names_merge_objects_also_after_saving()
    {
        using PersonalizedModel model = PersonalizedModel.Load(_folder, new PersonalizedModelOptions { AdapterFamily = "mip-adapter" });
        IDataView rows = Rows();
        PersonalizedImageTransformer named = Estimator(model, Options(model, boxes: false)).Fit(rows);
        List<byte[]> pictures = Pixels(named.Transform(rows));
        var request = new GenerationRequest("a cat, a dog", [new(Image(1)) { Name = "cat" }, new(Image(2)) { Name = "dog" }]) { NoiseIndex = 0 };
        Assert.All(pictures[0].Zip(Drawn(model, request)), p => Assert.InRange(p.First - p.Second, -1, 1));
        using var loaded = (PersonalizedImageTransformer)EstimatorCheck.Reload(_ml, named, rows.Schema, out _);
        Assert.Equal(pictures, Pixels(loaded.Transform(rows)));
    }

    [Fact]
    public void Boxes_and_the_automatic_layout_are_known_also_after_saving()
    {
        using PersonalizedModel model = PersonalizedModel.Load(_folder, TinyMsDiffusion.WriteAdapter(_folder));
        IDataView rows = Rows();
        PersonalizedImageTransformer boxed = Estimator(model, Options(model, boxes: true)).Fit(rows);
        List<byte[]> pictures = Pixels(boxed.Transform(rows));
        LayoutBox box = new(0, 0, 0.5f, 1);
        var request = new GenerationRequest("a cat, a dog", [new(Image(1)) { Name = "cat", Box = box }, new(Image(2)) { Name = "dog" }]) { NoiseIndex = 0 };
        Assert.All(pictures[0].Zip(Drawn(model, request)), p => Assert.InRange(p.First - p.Second, -1, 1));
        using var loaded = (PersonalizedImageTransformer)EstimatorCheck.Reload(_ml, boxed, rows.Schema, out _);
        Assert.Equal(pictures, Pixels(loaded.Transform(rows)));

        PersonalizedImageEstimator.Options plain = Options(model, boxes: true);
        PersonalizedImageTransformer laid = Estimator(model, new()
        {
            ReferenceColumnNames = Photos, NameColumnNames = Names, BoxColumnNames = Boxes,
            Generation = plain.Generation with { AutomaticLayout = new() { StartStep = 1, Threshold = 0.3 } },
        }).Fit(rows);
        List<byte[]> automatic = Pixels(laid.Transform(rows));
        Assert.NotEqual(pictures[0], automatic[0]);
        using var again = (PersonalizedImageTransformer)EstimatorCheck.Reload(_ml, laid, rows.Schema, out _);
        Assert.Equal(automatic, Pixels(again.Transform(rows)));
    }

    [Fact]
    public void The_trainer_reads_names_and_hands_them_on()
    {
        using PersonalizedModel model = PersonalizedModel.Load(_folder, new PersonalizedModelOptions { AdapterFamily = "mip-adapter" });
        IDataView rows = Rows();
        Assert.NotEqual(Trained("FirstName"), Trained("SecondName"));

        byte[] Trained(string second)
        {
            using PersonalizedImageTransformer tuned = _ml.PatchDpo.Trainers.PatchDpo(model, new PatchDpoTrainer.Options
            {
                ImagePromptColumnNames = Photos, NameColumnNames = ["FirstName", second], Training = new() { MaxSteps = 2, LearningRate = 1e-2 }, Seed = 3,
                Generation = new() { Steps = 2 }, GeneratedColumnName = "Other",
            }).Fit(rows);
            List<byte[]> pictures = Pixels(tuned.Transform(rows), "Other");
            using PersonalizedImageTransformer merged = Estimator(tuned.Model, new()
            {
                ReferenceColumnNames = Photos, NameColumnNames = ["FirstName", second],
                Generation = new() { Steps = 2, ReferenceFusion = ReferenceFusion.Merge },
            }).Fit(rows);
            Assert.Equal(Pixels(merged.Transform(rows)), pictures);
            return Bytes(tuned.Model.AdapterLayers);
        }
    }

    [Fact]
    public void A_box_outside_the_picture_is_named_with_its_row()
    {
        using PersonalizedModel model = PersonalizedModel.Load(_folder, TinyMsDiffusion.WriteAdapter(_folder));
        IDataView rows = _ml.Data.LoadFromEnumerable([new Row(), new Row { FirstBox = [0.5f, 0, 1.5f, 1] }]);
        InvalidRowException e = Assert.Throws<InvalidRowException>(() => Pixels(Estimator(model, Options(model, boxes: true)).Fit(rows).Transform(rows)));
        Assert.Equal(("FirstBox", 1L), (e.Column, e.Row));
        Assert.Contains("does not lie in the picture", e.Message, StringComparison.Ordinal);
        var options = new PersonalizedImageEstimator.Options { ReferenceColumnNames = Photos, NameColumnNames = ["FirstName"] };
        Assert.Contains("1 columns of names are named for 2", Assert.Throws<InvalidOperationException>(
            () => Estimator(model, options).Fit(rows)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_folder_of_pairs_gives_its_image_prompts_as_columns_that_the_trainer_takes()
    {
        using PersonalizedModel model = PersonalizedModel.Load(_folder, TinyMsDiffusion.WriteAdapter(_folder));
        string pairs = WritePairs();
        WriteReferences(pairs, """
            {"sample": 0, "name": "cat", "box": [0, 0.25, 0.5, 1]}
            {"sample": 0, "image": "objects/dog.png", "name": "dog", "box": [0.5, 0, 1, 1], "mask": "objects/mask.png"}
            """);
        IDataView rows = _ml.PatchDpo.LoadPairs(pairs);
        Assert.Equal(["cat", "dog"], Assert.Single(RowReader.Read(rows, "ImagePrompt0Name", "ImagePrompt1Name")));
        Assert.Equal(
            [new float[] { 0, 0.25f, 0.5f, 1 }, new float[] { 0.5f, 0, 1, 1 }], Assert.Single(RowReader.Read(rows, "ImagePrompt0Box", "ImagePrompt1Box")));
        Assert.Equal(new[] { 1, 7, 8 }.Select(n => MLImages.ToMLImage(Image(n)).Pixels.ToArray()),
            RowReader.Read(rows, "ImagePrompt0", "ImagePrompt1", "ImagePrompt1Mask")[0]);
        Assert.Equal("no image", RowReader.Read(rows, "ImagePrompt0Mask")[0][0]);

        PatchDpoTrainerOptions training = new() { MaxSteps = 2, BatchSize = 1, LearningRate = 1e-2 };
        using PersonalizedImageTransformer tuned = _ml.PatchDpo.Trainers.PatchDpo(model, new PatchDpoTrainer.Options
        {
            ImagePromptColumnNames = ["ImagePrompt0", "ImagePrompt1"], NameColumnNames = ["ImagePrompt0Name", "ImagePrompt1Name"],
            BoxColumnNames = ["ImagePrompt0Box", "ImagePrompt1Box"], MaskColumnNames = ["ImagePrompt0Mask", "ImagePrompt1Mask"], Training = training, Seed = 3,
        }).Fit(rows);
        using AdapterLayers expected = new Torch.Training.PatchDpoTrainer(model, training with { Seed = 3 }).Train(PairFolder.Open(pairs).Read());
        Assert.Equal(Bytes(expected), Bytes(tuned.Model.AdapterLayers));
    }

    [Theory]
    [InlineData("sample 0", "a scale", """{"sample": 0, "scale": 1}""")]
    [InlineData("sample 0", "further photos", """{"sample": 0, "photos": ["objects/dog.png"]}""")]
    public void Image_prompts_that_no_column_can_carry_are_refused(string place, string problem, string line)
    {
        string pairs = WritePairs();
        WriteReferences(pairs, line);
        PairFolderException e = Assert.Throws<PairFolderException>(() => _ml.PatchDpo.LoadPairs(pairs));
        Assert.Equal((pairs, place), (e.Path, e.Place));
        Assert.Contains(problem, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Samples_with_different_numbers_of_image_prompts_are_no_rows_of_one_view()
    {
        string pairs = WritePairs(samples: 2);
        WriteReferences(pairs, """
            {"sample": 0}
            {"sample": 0, "image": "objects/dog.png"}
            {"sample": 1}
            """);
        PairFolderException e = Assert.Throws<PairFolderException>(() => _ml.PatchDpo.LoadPairs(pairs));
        Assert.Equal("sample 1", e.Place);
        Assert.Contains("it has 1 image prompts, the first sample 2", e.Message, StringComparison.Ordinal);
    }

    private string WritePairs(int samples = 1)
    {
        string pairs = Path.Combine(_folder, "pairs"), objects = Directory.CreateDirectory(Path.Combine(pairs, "objects")).FullName;
        ImageFile.SavePng(Path.Combine(objects, "dog.png"), Image(7));
        ImageFile.SavePng(Path.Combine(objects, "mask.png"), Image(8));
        for (int k = 0; k < samples; k++)
        {
            string sample = Directory.CreateDirectory(Path.Combine(pairs, $"sample{k}")).FullName;
            ImageFile.SavePng(Path.Combine(sample, "a cat, a dog_entity_0.png"), Image(1));
            ImageFile.SavePng(Path.Combine(sample, "a cat, a dog_gen_0.png"), Image(2));
        }
        var map = new QualityMap(2, 2, [0.1f, 0.9f, 0.5f, 0.7f]);
        QualityMapPickle.Write(Path.Combine(pairs, "patch_quality.pkl"), [.. Enumerable.Repeat(new[] { new QualityMapPair(map, map) }, samples)]);
        return pairs;
    }

    private static void WriteReferences(string pairs, string lines) => File.WriteAllText(Path.Combine(pairs, "references.jsonl"), lines);

    private static byte[] Bytes(AdapterLayers layers)
        => [.. layers.state_dict().OrderBy(t => t.Key, StringComparer.Ordinal).SelectMany(t => t.Value.bytes.ToArray())];

    private static PersonalizedImageEstimator.Options Options(PersonalizedModel model, bool boxes) => new()
    {
        ReferenceColumnNames = Photos,
        NameColumnNames = Names,
        BoxColumnNames = boxes ? Boxes : null,
        Generation = new() { Steps = 2, ReferenceFusion = model.ObjectFusion, AdapterScale = 5 },
    };

    private static byte[] Drawn(PersonalizedModel model, GenerationRequest request)
        => MLImages.ToMLImage(model.Generate([request], new GenerationOptions { Steps = 2, ReferenceFusion = model.ObjectFusion, AdapterScale = 5 })[0]).Pixels
            .ToArray();

    private static ImageBuffer Image(int number) => TinyPersonalizedModel.Image(number);

    private PersonalizedImageEstimator Estimator(PersonalizedModel model, PersonalizedImageEstimator.Options options)
        => _ml.PatchDpo.GeneratePersonalizedImages(model, options);

    private IDataView Rows() => _ml.Data.LoadFromEnumerable([new Row(), new Row { SecondName = "cat" }]);

    private static List<byte[]> Pixels(IDataView rows, string column = "Generated")
        => [.. RowReader.Read(rows, [column]).Select(r => (byte[])r[0])];

    private sealed class Row
    {
        public string Prompt { get; init; } = "a cat, a dog";

        [ImageType(32, 32)]
        public MLImage First { get; init; } = MLImages.ToMLImage(Image(1));

        [ImageType(32, 32)]
        public MLImage Second { get; init; } = MLImages.ToMLImage(Image(2));

        public string FirstName { get; init; } = "cat";

        public string SecondName { get; init; } = "dog";

        [VectorType(4)]
        public float[] FirstBox { get; init; } = [0, 0, 0.5f, 1];

        [VectorType(4)]
        public float[] SecondBox { get; init; } = new float[4];

        [ImageType(32, 32)]
        public MLImage Reference { get; init; } = MLImages.ToMLImage(Image(3));

        [ImageType(32, 32)]
        public MLImage Other { get; init; } = MLImages.ToMLImage(Image(4));

        [VectorType(1, 1)]
        public float[] ReferenceQuality { get; init; } = [0.2f];

        [VectorType(1, 1)]
        public float[] GeneratedQuality { get; init; } = [0.9f];
    }
}
