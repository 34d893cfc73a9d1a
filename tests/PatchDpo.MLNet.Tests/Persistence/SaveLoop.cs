using Microsoft.ML;
using PatchDpo.MLNet.Tests.Support;
using PatchDpo.Torch.Personalization;

namespace PatchDpo.MLNet.Tests.Persistence;

/// <summary>A process that saves over a model again and again, to be killed.</summary>
internal static class SaveLoop
{
    public const string Argument = "--save-loop";
    public const string Saved = "saved";

    public static int Run(string path)
    {
        var ml = new MLContext(1);
        IDataView rows = TestImages.Rows(ml, 1);
        using PersonalizedModel model = ml.PatchDpo.LoadEmbeddedModel();
        using PersonalizedImageTransformer transformer = ml.PatchDpo.GeneratePersonalizedImages(model, reference: "Image").Fit(rows);
        for (int i = 0; i < 100_000; i++)
        {
            ml.PatchDpo.SaveModel(transformer, rows.Schema, path);
            if (i == 0)
                Console.WriteLine(Saved);
        }
        return 1;
    }
}
