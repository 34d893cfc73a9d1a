// Evaluates two models on the same requests and compares them subject by subject, as their differences have to be.
using CompareModels;
using Microsoft.ML;
using PatchDpo.MLNet;
using PatchDpo.Torch.Evaluation;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.Personalization;
using ProceduralCharacters;

string folder = Directory.CreateDirectory(Path.Combine("output", "compare-models")).FullName;
Request[] requests = [.. Enumerable.Range(0, 12).Select(Draw)];
var ml = new MLContext(seed: 1);

// The second model is a tuned adapter, where one is given; else the same one with a weaker image prompt.
using PersonalizedModel first = ml.PatchDpo.LoadEmbeddedModel();
using PersonalizedModel second = ml.PatchDpo.LoadPersonalizedModel(EmbeddedModels.Generator, args.FirstOrDefault());
if (args.Length == 0)
    second.AdapterScale = 0.4;
PersonalizationMetrics before = Evaluate(first), after = Evaluate(second);

Console.WriteLine($"{after.Subjects.Count} subjects, {after.Images} images; differences paired by subject, 95 % intervals");
Console.WriteLine($"{"",-12}   first  second   change");
Print("DINO", m => m.Dino, s => s.Dino);
Print("CLIP-I", m => m.ClipI, s => s.ClipI);
Print("CLIP-T", m => m.ClipT, s => s.ClipT);

PersonalizationMetrics Evaluate(PersonalizedModel model)
{
    IDataView rows = ml.Data.LoadFromEnumerable(requests);
    var drawing = ml.PatchDpo.LoadImages("Reference", folder, nameof(Request.ReferencePath))
        .Append(ml.PatchDpo.GeneratePersonalizedImages(model, new PersonalizedImageEstimator.Options
        {
            // The same noise for both: what differs is the model.
            NoiseIndexColumnName = nameof(Request.Noise),
            Generation = new GenerationOptions { Steps = 16, GuidanceScale = 2, NegativePrompt = "", BatchSize = 12 },
        }));
    return ml.PatchDpo.Evaluate(drawing.Fit(rows).Transform(rows), EvaluationOptions.Embedded);
}

void Print(string name, Func<PersonalizationMetrics, MetricEstimate?> metric, Func<SubjectMetrics, double?> ofSubject)
{
    MetricEstimate change = PairedDifference.Compute(before, after, ofSubject);
    Console.WriteLine($"{name,-12}{metric(before)!.Mean,8:F3}{metric(after)!.Mean,8:F3}{change.Mean,9:+0.000;-0.000}   "
        + $"[{change.Lower:+0.000;-0.000}, {change.Upper:+0.000;-0.000}]");
}

Request Draw(int i)
{
    var kind = (CharacterKind)(i % 6);
    string path = $"{i:D2}.png";
    ImageFile.SavePng(Path.Combine(folder, path), CharacterRenderer.RenderReference(Character.Random(1_000 + i, kind)).Image);
    return new Request { Subject = path, Prompt = Prompt.Random(kind, i).Text, ReferencePath = path, Noise = i };
}
