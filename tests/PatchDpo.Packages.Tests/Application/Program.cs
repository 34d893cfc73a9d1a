using Microsoft.ML;
using Microsoft.ML.Data;
using PatchDpo.MLNet;
using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.Personalization;
using PatchDpo.Torch.Weights;

// What a user's first program does, with the packages alone: draw, score, tune, save, load.
string folder = args[0];
MLContext ml = new(seed: 1);
using PersonalizedModel model = ml.PatchDpo.LoadEmbeddedModel();
string[] prompts = ["a red cat", "a blue dog"];
ImageBuffer[] references = [.. model.Generate([.. prompts.Select(p => new GenerationRequest(p, []))], new GenerationOptions { Steps = 2 })];
ImageBuffer[] generated = [.. model.Generate([.. prompts.Zip(references, (p, r) => new GenerationRequest(p, [r]))], new GenerationOptions { Steps = 2 })];
Row[] rows = [.. prompts.Select((p, i) => new Row
{
    Prompt = p, ReferencePath = Saved($"reference{i}.png", references[i]), GeneratedPath = Saved($"generated{i}.png", generated[i]),
})];
IDataView pairs = ml.Data.LoadFromEnumerable(rows);

var scoring = ml.PatchDpo.LoadImages("Reference", folder, "ReferencePath").Append(ml.PatchDpo.LoadImages("Generated", folder, "GeneratedPath"))
    .Append(ml.PatchDpo.ScorePatchQuality(generated: "Generated", reference: "Reference", ImageEncoder.Embedded));
IDataView scored = scoring.Fit(pairs).Transform(pairs);
float[] scores = [.. scored.GetColumn<float>("PatchQualityScore")];
Console.WriteLine($"scored {scores.Count(s => s is > 0 and <= 1)}");

using PersonalizedImageTransformer tuned = ml.PatchDpo.Trainers.PatchDpo(model, maxSteps: 2, learningRate: 1e-4).Fit(scored);
string path = Path.Combine(folder, "tuned.zip");
ml.PatchDpo.SaveModel(tuned, scored.Schema, path);
ITransformer loaded = new MLContext(seed: 1).PatchDpo.LoadModel(path, out _);
Console.WriteLine($"loaded {loaded.GetType().Name}");
(loaded as IDisposable)!.Dispose();

// The encoder for photos, where its package is there.
try
{
    using IVisionEncoder encoder = PatchEncoder.LoadResNet18();
    Console.WriteLine("photos have an encoder");
}
catch (ModelFileNotFoundException e)
{
    Console.WriteLine(e.Message.Contains("PatchDpo.Models.ResNet18") ? "photos need PatchDpo.Models.ResNet18" : e.Message);
}

string Saved(string name, ImageBuffer image)
{
    ImageFile.SavePng(Path.Combine(folder, name), image);
    return name;
}

internal sealed class Row
{
    public string Prompt { get; set; } = "";

    public string ReferencePath { get; set; } = "";

    public string GeneratedPath { get; set; } = "";
}
