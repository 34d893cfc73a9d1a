namespace Quickstart;

/// <summary>What the command line chooses.</summary>
/// <param name="Output">The folder that everything is written to.</param>
/// <param name="References">A folder of the user's photos, or null to draw characters.</param>
/// <param name="Noun">What the photos show, in a word that the embedded model knows.</param>
/// <param name="Seed">Decides the subjects, the prompts, the noise and the training.</param>
/// <param name="Pairs">Scored pairs to train on.</param>
/// <param name="Steps">Fine-tuning steps.</param>
/// <param name="LearningRate">Their rate.</param>
/// <param name="HeldOut">Held-out references to evaluate on, two prompts each.</param>
internal sealed record QuickstartSettings(string Output, string? References, string Noun, int Seed, int Pairs, int Steps, double LearningRate, int HeldOut);
