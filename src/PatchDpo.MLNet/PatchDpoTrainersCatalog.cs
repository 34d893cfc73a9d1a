using Microsoft.ML;
using PatchDpo.Torch.Personalization;

namespace PatchDpo.MLNet;

/// <summary>Trainers of personalised generators: <c>mlContext.PatchDpo.Trainers</c>.</summary>
public sealed class PatchDpoTrainersCatalog
{
    private readonly MLContext _context;

    internal PatchDpoTrainersCatalog(MLContext context) => _context = context;

    /// <summary>Fine-tunes a generator's image adapter on scored pairs with PatchDPO.</summary>
    /// <param name="model">The generator to start from; it is not changed, and stays the caller's to dispose.</param>
    /// <param name="maxSteps">Optimizer steps.</param>
    /// <param name="learningRate">AdamW's learning rate.</param>
    public PatchDpoTrainer PatchDpo(PersonalizedModel model, int maxSteps = 30_000, double learningRate = 3e-5)
        => PatchDpo(model, new PatchDpoTrainer.Options { MaxSteps = maxSteps, LearningRate = learningRate });

    /// <summary>Fine-tunes a generator's image adapter on scored pairs with PatchDPO.</summary>
    /// <param name="model">The generator to start from; it is not changed, and stays the caller's to dispose.</param>
    /// <param name="options">Columns and choices.</param>
    public PatchDpoTrainer PatchDpo(PersonalizedModel model, PatchDpoTrainer.Options options) => new(_context, model, options);
}
