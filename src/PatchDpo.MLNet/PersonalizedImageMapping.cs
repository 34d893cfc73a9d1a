using Microsoft.ML;
using PatchDpo.MLNet.Interop;
using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.Personalization;
using Options = PatchDpo.MLNet.PersonalizedImageEstimator.Options;

namespace PatchDpo.MLNet;

/// <summary>Prompts and references in, images out.</summary>
internal sealed class PersonalizedImageMapping(PersonalizedModel model, Options options, TruncationLog truncated)
    : BatchedMapping<GenerationRequest, ImageBuffer>
{
    // The model is not safe for use by several threads, but several cursors may read at once.
    private readonly Lock _gate = new();
    private readonly PromptInput _prompt = new(
        options.PromptColumnName, options.Generation.MaxPromptCharacters, model.FindTruncatedPrompts, options.Generation.RefuseTruncatedPrompts, truncated,
        options.Generation.AllowEmptyPrompts);

    private bool _negativeChecked;

    public override int BatchSize => options.Generation.BatchSize;

    public override IReadOnlyList<RowInput> Inputs { get; } = InputsOf(options);

    public override IReadOnlyList<RowOutput<ImageBuffer>> Outputs { get; } = [OutputOf(options, model)];

    public static RowInput[] InputsOf(Options options)
    {
        ReferenceColumns references = References(options);
        List<RowInput> inputs = [Prompt(options), .. references.Inputs];
        if (options.NoiseIndexColumnName is string noise)
            inputs.Add(new IntegerInput(noise));
        return inputs.ToArray();
    }

    public static RowOutput<ImageBuffer> OutputOf(Options options, PersonalizedModel model)
    {
        (int height, int width) = (options.Generation.Height ?? model.ImageSize, options.Generation.Width ?? model.ImageSize);
        return RowOutput.Image<ImageBuffer>(options.OutputColumnName, (height, width), image => image);
    }

    public override Func<GenerationRequest> Reader(DataViewRow row)
    {
        Func<string> prompt = _prompt.Reader(row);
        Func<ReferenceImage[]> references = References(options).Reader(row);
        Func<long> noise = options.NoiseIndexColumnName is string name ? new IntegerInput(name).Reader(row) : () => 0;
        return () => new GenerationRequest(prompt(), references()) { NoiseIndex = noise() };
    }

    public override IReadOnlyList<ImageBuffer> Compute(IReadOnlyList<GenerationRequest> rows)
    {
        lock (_gate)
        {
            if (!_negativeChecked && options.Generation.GuidanceScale > 1)
                foreach (TruncatedPrompt cut in model.FindTruncatedPrompts([options.Generation.NegativePrompt]))
                    truncated.TellNegative(cut);
            _negativeChecked = true;
            return model.Generate(rows, options.Generation);
        }
    }

    private static ReferenceColumns References(Options options)
        => new(options.ReferenceColumnNames, options.MaskColumnNames, options.NameColumnNames, options.BoxColumnNames);

    private static TextInput Prompt(Options options) => new(
        options.PromptColumnName, options.Generation.MaxPromptCharacters, options.Generation.AllowEmptyPrompts);
}
