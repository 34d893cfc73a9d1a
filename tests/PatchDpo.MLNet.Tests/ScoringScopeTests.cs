using Microsoft.ML;
using Microsoft.ML.Data;
using PatchDpo.MLNet.Tests.Support;
using PatchDpo.Tests;
using PatchDpo.Torch.Personalization;

namespace PatchDpo.MLNet.Tests;

/// <summary>A whole training pipeline of which only the tuned generator is taken to work.</summary>
public sealed class ScoringScopeTests(TinyModels models) : IClassFixture<TinyModels>
{
    private readonly MLContext _ml = new(1);

    [Fact]
    public void The_tuned_model_of_a_pipeline_asks_for_prompt_and_reference_alone()
    {
        using PersonalizedModel model = _ml.PatchDpo.LoadPersonalizedModel(models.Generator);
        IDataView pairs = PairRow.Rows(_ml, 4);
        EstimatorChain<PersonalizedImageTransformer> pipeline = new EstimatorChain<ITransformer>()
            .Append(_ml.PatchDpo.ScorePatchQuality("Generated", "Reference", ImageEncoder.FromFolder(models.Dino)), TransformerScope.Training)
            .Append(_ml.PatchDpo.Trainers.PatchDpo(model, maxSteps: 1));
        using TransformerChain<PersonalizedImageTransformer> fitted = pipeline.Fit(pairs);

        TransformerChain<ITransformer> tuned = fitted.GetModelFor(TransformerScope.Scoring);
        Assert.IsType<PersonalizedImageTransformer>(Assert.Single(tuned));
        IDataView asked = _ml.Transforms.SelectColumns("Prompt", "Reference").Fit(pairs).Transform(pairs);
        Assert.Null(asked.Schema.GetColumnOrNull("Generated"));
        Assert.Equal(4, tuned.Transform(asked).GetColumn<MLImage>("Generated").Count());

        // Saved and loaded alone, it asks for no more.
        string path = Path.Combine(models.Root, "scope.zip");
        _ml.PatchDpo.SaveModel(tuned, asked.Schema, path);
        ITransformer loaded = new MLContext(2).PatchDpo.LoadModel(path, out _);
        using (loaded as IDisposable)
            Assert.Equal(4, loaded.Transform(asked).GetColumn<MLImage>("Generated").Count());
    }
}
