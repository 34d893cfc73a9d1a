using PatchDpo.Torch.Adapters;
using PatchDpo.Torch.Clip;
using PatchDpo.Torch.Diffusion;
using PatchDpo.Torch.Diffusion.Samplers;
using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Images;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Personalization;

/// <summary>One call of <see cref="PersonalizedModel.Generate"/>.</summary>
internal sealed class ImageGeneration(PersonalizedModel model, GenerationOptions options, IProgress<GenerationProgress>? progress)
{
    private readonly int _width = model.CheckSide(options.Width, nameof(options.Width));
    private readonly int _height = model.CheckSide(options.Height, nameof(options.Height));

    public IReadOnlyList<ImageBuffer> Run(IReadOnlyList<GenerationRequest> requests, CancellationToken cancellationToken)
    {
        Check(requests);
        bool guided = options.GuidanceScale > 1;
        IReadOnlyList<TruncatedPrompt> truncated = Truncated(requests, guided);
        TruncatedPromptException.ThrowIfAny(truncated, options.RefuseTruncatedPrompts);
        IReadOnlyList<string> warnings = Warnings(requests);
        using IDisposable noGrad = no_grad();
        using DisposeScope scope = NewDisposeScope();
        using ISampler sampler = model.Schedule.CreateSampler(options.Sampler);
        bool textAlone = requests.Any(r => r.References.Count == 0);
        ImagePrompt? dropped = guided || textAlone ? model.EncodeDroppedReference(1) : null;
        TextConditions? negativeText = guided
            ? FiniteOutput.Renamed(() => model.EncodeText([options.NegativePrompt], options.MaxPromptCharacters, dropped), _ => ("the negative prompt", 0))
            : null;

        var images = new List<ImageBuffer>(requests.Count);
        while (images.Count < requests.Count)
        {
            cancellationToken.ThrowIfCancellationRequested();
            using DisposeScope batchScope = NewDisposeScope();
            int first = images.Count;
            GenerationRequest[] batch = NextBatch(requests, first);
            PromptConditions positive = Conditions(batch, first, dropped);
            PromptConditions? negative = guided
                ? new PromptConditions(negativeText!.Map(t => Repeat(t, batch.Length)), model.References.Unconditional(positive.Image, dropped!),
                    positive.TimeIds)
                : null;
            long[] shape = [model.LatentChannels, _height / model.LatentScale, _width / model.LatentScale];
            long[] noiseIndices = [.. batch.Select((r, i) => r.NoiseIndex ?? first + i)];
            Tensor Noise(int? step) => RequestNoise.Create(options.Seed, noiseIndices, shape, model.Device, step);
            Tensor latents = GuidedSampling.Run(
                c => model.Condition(c, model.AdapterLayers, options.AdapterScale ?? model.AdapterScale, options.AutomaticLayout),
                sampler, options.Steps, options.GuidanceScale, Noise(null), positive, negative,
                step => progress?.Report(new GenerationProgress(
                    first, requests.Count, step.Index + 1, sampler.Timesteps.Count) { TruncatedPrompts = truncated, Warnings = warnings }),
                cancellationToken, i => Noise(i));
            CheckFinite(latents, first);
            images.AddRange(FiniteOutput.Renamed(() => model.DecodeLatents(latents), i => ($"request {first + i}", first + i)));
        }
        return images;
    }

    private PromptConditions Conditions(GenerationRequest[] batch, int first, ImagePrompt? dropped)
    {
        ReferenceImage[] references = [.. batch.SelectMany(r => r.References)];
        int[] owners = [.. batch.SelectMany((r, i) => r.References.Select(_ => first + i))];
        ImagePrompt? encoded = references.Length > 0
            ? FiniteOutput.Renamed(() => model.EncodeReferences(references), i => ($"a reference of request {owners[i]}", owners[i]))
            : null;
        string[] prompts = [.. batch.Select(r => r.Prompt)];
        ImagePrompt image = model.References.Locate(
            model.References.Fuse(encoded, [.. batch.Select(r => r.References.Count)], dropped, options.ReferenceFusion), prompts);
        TextConditions text = FiniteOutput.Renamed(
            () => model.EncodeText(prompts, options.MaxPromptCharacters, image), i => ($"request {first + i}", first + i));
        return new PromptConditions(text, image, TimeIds.Uncropped(batch.Length, _height, _width, model.Device));
    }

    // Ends early before a request whose references cannot share a batch with the others'.
    private GenerationRequest[] NextBatch(IReadOnlyList<GenerationRequest> requests, int first)
    {
        int length = Math.Min(model.References.MixesRows ? 1 : options.BatchSize, requests.Count - first);
        while (model.References.WhyNotTogether(requests.Skip(first).Take(length).Select(r => r.References.Count), options.ReferenceFusion) is not null)
            length--;
        return [.. requests.Skip(first).Take(length)];
    }

    // Before any work, so that a bad request costs nothing and is named by its place among all of them.
    private void Check(IReadOnlyList<GenerationRequest> requests)
    {
        ArgumentNullException.ThrowIfNull(requests);
        for (int i = 0; i < requests.Count; i++)
            if (requests[i] is null)
                throw new ArgumentException($"Request {i} is null.", nameof(requests));
        EmptyPromptException.ThrowIfAny([.. requests.Select(r => r.Prompt)], options.AllowEmptyPrompts);
        PromptTooLongException.ThrowIfAny([.. requests.Select(r => r.Prompt)], options.MaxPromptCharacters);
        if (options.NegativePrompt.Length > options.MaxPromptCharacters)
            throw new PromptTooLongException(null, options.NegativePrompt.Length, options.MaxPromptCharacters);
        for (int i = 0; i < requests.Count; i++)
            if (requests[i].References is not { } references || references.Any(r => r is null))
                throw new ArgumentException($"Request {i} has null for its references or for one of them.", nameof(requests));
        for (int i = 0; i < requests.Count; i++)
            if (model.References.WhyUnsuitable(requests[i].Prompt, requests[i].References, options.ReferenceFusion) is string problem)
                throw new UnsuitableReferencesException($"request {i}", i, problem);
    }

    private string[] Warnings(IReadOnlyList<GenerationRequest> requests) => [.. requests.SelectMany((r, i) =>
        model.References.Warnings(r.Prompt, r.References, options.ReferenceFusion).Select(w => $"Request {i}: {w}"))];

    private IReadOnlyList<TruncatedPrompt> Truncated(IReadOnlyList<GenerationRequest> requests, bool guided)
    {
        IReadOnlyList<TruncatedPrompt> prompts = model.FindTruncatedPrompts([.. requests.Select(r => r.Prompt)]);
        TruncatedPrompt[] all = guided ? [.. prompts, .. model.FindTruncatedPrompts([options.NegativePrompt]).Select(p => p with { Index = null })]
            : [.. prompts];
        // The one empty list, so that reports without any are equal.
        return all.Length > 0 ? all : [];
    }

    private void CheckFinite(Tensor latents, int first)
    {
        if (FiniteOutput.FirstBad(latents) is >= 0 and int bad)
            throw new NonFiniteLatentsException($"request {first + bad}", first + bad, model.DType, model.FindDamagedWeights());
    }

    private static Tensor Repeat(Tensor row, int count) => row.expand([count, .. row.shape[1..]]);
}
