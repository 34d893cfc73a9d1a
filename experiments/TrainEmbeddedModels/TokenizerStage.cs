namespace TrainEmbeddedModels;

/// <summary>Makes the small vocabulary that all text encoders share.</summary>
internal static class TokenizerStage
{
    /// <summary>Tokens of a text, the start and the end included.</summary>
    public const int MaxLength = 32;

    public static void Run(TrainingContext context)
    {
        BpeVocabulary vocabulary = BpeVocabulary.Learn(TokenizerWords.Counted(), 1000);
        foreach (string[] folder in new[] { new[] { "generator", "tokenizer" }, ["generator", "tokenizer_2"], ["eval_clip"] })
            vocabulary.Write(context.OutputFolder(folder), MaxLength);
        context.Log($"tokenizer: {vocabulary.Count} tokens");
    }
}
