// Generates pictures of some references, scores them, fine-tunes the generator with the scores, and saves it in two forms.
using Microsoft.ML;
using Microsoft.ML.Data;
using PatchDpo.MLNet;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.PatchQuality;
using PatchDpo.Torch.Personalization;
using ProceduralCharacters;
using TuneAndSave;

string folder = Directory.CreateDirectory(Path.Combine("output", "tune-and-save")).FullName;
Row[] rows = [.. Enumerable.Range(0, 16).Select(Draw)];
var generation = new GenerationOptions { Steps = 16, GuidanceScale = 2, NegativePrompt = "", BatchSize = 16 };

var ml = new MLContext(seed: 1);
using PersonalizedModel model = ml.PatchDpo.LoadEmbeddedModel();
IDataView data = ml.Data.LoadFromEnumerable(rows);
var trainer = ml.PatchDpo.Trainers.PatchDpo(model, new PatchDpoTrainer.Options
{
    Training = new()
    {
        MaxSteps = 40,
        BatchSize = 8,
        LearningRate = 1e-3,
        Weights = new WeightMapOptions { Kind = WeightMapKind.MinMax, Contrast = 6 },
    },
    Generation = generation,
    ProgressCallback = p => Console.Write(p.Step % 10 == 0 ? $"step {p.Step} of {p.MaxSteps}: loss {p.Loss:F4}{Environment.NewLine}" : ""),
});

// What is needed to train alone is marked so: the tuned model asks for a prompt and a reference, and for nothing else.
var pipeline = new EstimatorChain<ITransformer>()
    .Append(ml.PatchDpo.LoadImages("Reference", folder, nameof(Row.ReferencePath)))
    .Append(ml.PatchDpo.GeneratePersonalizedImages(model, new PersonalizedImageEstimator.Options
    {
        NoiseIndexColumnName = nameof(Row.Noise),
        Generation = generation,
    }), TransformerScope.Training)
    .Append(ml.PatchDpo.ScorePatchQuality("Generated", "Reference", ImageEncoder.Embedded), TransformerScope.Training)
    .Append(trainer);
using TransformerChain<PersonalizedImageTransformer> fitted = pipeline.Fit(data);
ITransformer tuned = fitted.GetModelFor(TransformerScope.Scoring);

// For the Python side, in IP-Adapter's own layout; and whole, for ML.NET.
fitted.LastTransformer.SaveAdapter(Path.Combine(folder, "ip_adapter.safetensors"));
ml.PatchDpo.SaveModel(tuned, data.Schema, Path.Combine(folder, "tuned.zip"));

// As another process would: nothing but the saved model and its own input.
var other = new MLContext();
ITransformer loaded = other.PatchDpo.LoadModel(Path.Combine(folder, "tuned.zip"), out _);
IDataView request = other.Data.LoadFromEnumerable([new { Prompt = "a cat, on a beach", rows[1].ReferencePath }]);
using MLImage picture = loaded.Transform(request).GetColumn<MLImage>("Generated").Single();
picture.Save(Path.Combine(folder, "cat-on-a-beach.png"));
foreach (string name in new[] { "ip_adapter.safetensors", "tuned.zip", "cat-on-a-beach.png" })
    Console.WriteLine($"{new FileInfo(Path.Combine(folder, name)).Length,9:N0} bytes  {Path.Combine(folder, name)}");

Row Draw(int i)
{
    var kind = (CharacterKind)(i % 6);
    string path = $"{i:D2}.png";
    ImageFile.SavePng(Path.Combine(folder, path), CharacterRenderer.RenderReference(Character.Random(i, kind)).Image);
    return new Row { Prompt = Prompt.OnWhite(kind).Text, ReferencePath = path, Noise = i };
}
