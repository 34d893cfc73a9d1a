using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.Personalization;

namespace PatchDpo.Torch.DataConstruction;

/// <summary>One run of <see cref="PairBuilder.Draw"/>: a shard's share of the images, which are the time that a data set takes.</summary>
/// <remarks>
/// Which candidates become references is decided one after another, so every shard decides it for itself, from everyone's candidates. As many batches of them
/// are drawn at a time as are needed for certain, so that none is drawn in vain; there a shard that has done its own takes others'.
/// </remarks>
internal sealed class PairDrawing(
    ImageGenerator generate, IVisionEncoder encoder, IImageTextEncoder? clip, PairBuilderOptions options, PairRequests requests, string folder,
    PairHeader header, PairShard shard, IProgress<PairBuildProgress>? progress, CancellationToken cancellationToken)
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(200);

    private readonly DrawnImages _drawn = DrawnImages.Open(folder, header);
    private int _rejected;

    public void Run()
    {
        List<(int Candidate, string Prompt, ImageBuffer Image)> references = DrawReferences();
        GenerationRequest[][] groups = [.. references.Chunk(requests.GroupSize)
            .Select(g => g.SelectMany(r => requests.Pairs(r.Candidate, r.Prompt, r.Image)).ToArray())];
        Draw(groups, options.Generation, PairBuildStage.Pairs, 0, takesOthers: false);
        while (shard.WaitsForAll && Enumerable.Range(0, groups.Length).Where(g => !_drawn.Has(groups[g][0])).ToArray() is { Length: > 0 } missing)
            Wait([.. missing.Select(g => g % shard.Count).Distinct().Order()]);
    }

    private List<(int Candidate, string Prompt, ImageBuffer Image)> DrawReferences()
    {
        var filter = new ReferenceFilter(options.Filter, encoder, clip);
        List<(int Candidate, string Prompt, ImageBuffer Image)> references = [];
        // Where there are too few, the one who builds says so.
        for (int first = 0; references.Count < options.References && first < requests.MaxCandidates;)
        {
            int batch = requests.CandidateBatch, needed = (options.References - references.Count + batch - 1) / batch;
            int most = (requests.MaxCandidates - first + batch - 1) / batch;
            GenerationRequest[][] batches = [.. Enumerable.Range(0, Math.Min(needed, most)).Select(b => requests.Candidates(first + (b * batch)))];
            Draw(batches, options.ReferenceGeneration, PairBuildStage.References, first / batch, takesOthers: true);
            foreach (GenerationRequest[] candidates in batches)
            {
                cancellationToken.ThrowIfCancellationRequested();
                Judge(filter, first, candidates, references);
                first += batch;
            }
        }
        return references;
    }

    private void Judge(
        ReferenceFilter filter, int first, GenerationRequest[] candidates, List<(int Candidate, string Prompt, ImageBuffer Image)> references)
    {
        IReadOnlyList<ImageBuffer> images = _drawn.TryRead(candidates)!;
        for (int i = 0; i < candidates.Length; i++)
        {
            ReferenceVerdict verdict = FiniteOutput.Renamed(
                () => filter.Judge(candidates[i].Prompt, images[i]), _ => ($"the reference for the prompt '{candidates[i].Prompt}'", first + i));
            if (verdict.Rejection is not null || references.Count == options.References)
            {
                _rejected++;
                continue;
            }
            filter.Accept(images[i]);
            references.Add((first + i, candidates[i].Prompt, images[i]));
        }
    }

    /// <summary>Draws this shard's batches; where others' are needed, waits for those that are being drawn, and draws the rest.</summary>
    private void Draw(GenerationRequest[][] batches, GenerationOptions generation, PairBuildStage stage, int firstBatch, bool takesOthers)
    {
        bool IsOwn(int batch) => (firstBatch + batch) % shard.Count == shard.Index;
        List<int> left = [.. Enumerable.Range(0, batches.Length).Where(b => takesOthers || IsOwn(b)).OrderBy(b => IsOwn(b) ? 0 : 1)];
        int all = left.Count;
        while (left.Count > 0)
        {
            int before = left.Count;
            foreach (int b in left.ToArray())
            {
                cancellationToken.ThrowIfCancellationRequested();
                if (_drawn.Has(batches[b][0]) || _drawn.TryDraw(batches[b], shard.Index, () => Generate(batches[b], generation)))
                    left.Remove(b);
                Report(null);
            }
            if (left.Count == before)
                Wait([.. left.Select(b => _drawn.DrawerOf(batches[b][0]) ?? ((firstBatch + b) % shard.Count)).Distinct().Order()]);
        }

        IReadOnlyList<ImageBuffer> Generate(GenerationRequest[] batch, GenerationOptions how) => FiniteOutput.Renamed(
            () => generate(batch, how, new DirectProgress<GenerationProgress>(Report), cancellationToken), i => ($"the image for the prompt '{batch[i].Prompt}'", i));

        void Report(GenerationProgress? batch)
            => progress?.Report(new PairBuildProgress(stage, all - left.Count, all, 0, _rejected, batch));
    }

    private void Wait(int[] shards)
    {
        shard.Waiting?.Invoke(shards);
        if (cancellationToken.WaitHandle.WaitOne(Pause))
            cancellationToken.ThrowIfCancellationRequested();
    }
}
