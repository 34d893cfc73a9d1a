using PatchDpo.Tool.Build;
using PatchDpo.Torch.Evaluation;
using PatchDpo.Torch.Personalization;
using PatchDpo.Torch.Training;

namespace PatchDpo.Tool.Reproduce;

/// <summary>What the command line chooses.</summary>
/// <param name="DataSet">The data set to build, with the generator's path and how it is loaded.</param>
/// <param name="Training">How the adapter is tuned.</param>
/// <param name="Drawing">How the benchmark's images are drawn; the adapter's scale is each setting's own.</param>
/// <param name="DreamBench">The benchmark's folder.</param>
/// <param name="Subjects">The subjects to draw, some or all of the benchmark's.</param>
/// <param name="Prompts">How many of each subject's prompts are drawn, the first ones.</param>
/// <param name="Dino">The folder of DINO.</param>
/// <param name="Clip">The folder of CLIP.</param>
/// <param name="Output">The folder for everything.</param>
internal sealed record ReproductionSettings(
    DataSetSettings DataSet, PatchDpoTrainerOptions Training, GenerationOptions Drawing, string DreamBench, IReadOnlyList<DreamBenchSubject> Subjects,
    int Prompts, string Dino, string Clip, string Output);
