using System.Diagnostics.CodeAnalysis;
using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.PatchQuality;
using PatchDpo.Torch.Personalization;

namespace PatchDpo.Torch.DataConstruction;

/// <summary>One run of <see cref="PairBuilder.Build"/>.</summary>
internal sealed class PairBuild(
    ImageGenerator generate, PairRequests asked, int latentGrid, IVisionEncoder encoder, IImageTextEncoder? clip, PairBuilderOptions options,
    string folder, PairHeader header, IProgress<PairBuildProgress>? progress, CancellationToken cancellationToken)
{
    private int _reusedCandidates;
    private int _reusedSamples;

    public PairBuildSummary Run()
    {
        if (File.Exists(PathOf(PairLayout.Manifest)))
            return Finished();
        if (File.Exists(folder))
            throw new IOException($"'{folder}' is a file, where a folder for the data set is expected.");
        Directory.CreateDirectory(folder);
        using FolderLock folderLock = FolderLock.Take(folder, "builds the data set in");
        // It may have been finished while this waited for its turn.
        if (File.Exists(PathOf(PairLayout.Manifest)))
            return Finished();
        if (Directory.Exists(PathOf(PairLayout.Pairs)) && !File.Exists(PathOf(PairLayout.Journal)))
            throw new PairFolderException(folder, null, $"it has '{PairLayout.Pairs}', but neither '{PairLayout.Manifest}' nor '{PairLayout.Journal}': it "
                + "was not built here. Choose an empty folder.");
        PairManifest manifest;
        using (PairJournal journal = PairJournal.Open(folder, header))
        {
            (_reusedCandidates, _reusedSamples) = (journal.Candidates.Count, journal.Samples.Count);
            DeleteUnrecordedFiles(journal);
            CheckFiles(journal.Candidates, journal.Samples);
            DrawReferences(journal);
            GeneratePairs(journal);
            manifest = Finish(journal);
        }
        File.Delete(PathOf(PairLayout.Journal));
        return Summary(manifest);
    }

    /// <summary>The folder is complete: nothing is made, everything is checked.</summary>
    private PairBuildSummary Finished()
    {
        PairManifest manifest = PairManifest.Read(PathOf(PairLayout.Manifest));
        if (manifest.Header.ChangesTo(header) is { Count: > 0 } changes)
            throw new PairFolderMismatchException(folder, changes);
        CheckFiles(manifest.Candidates, manifest.Samples);
        foreach (FileRecord file in manifest.Files)
            RecordedFile.Check(folder, file.File, file.Sha256);
        // Left by a run that was killed between its last two steps.
        File.Delete(PathOf(PairLayout.Journal));
        (_reusedCandidates, _reusedSamples) = (manifest.Candidates.Count, manifest.Samples.Count);
        return Summary(manifest);
    }

    private void DrawReferences(PairJournal journal)
    {
        CandidateRecord[] known = [.. journal.Candidates.Where(c => c.Sample is not null)];
        int accepted = known.Length, reused = known.Length;
        int limit = asked.MaxCandidates;
        void Report(GenerationProgress? batch)
            => progress?.Report(new PairBuildProgress(
                PairBuildStage.References, accepted, options.References, reused, journal.Candidates.Count - accepted, batch));
        Report(null);
        if (accepted == options.References)
            return;
        var filter = new ReferenceFilter(options.Filter, encoder, clip);
        foreach (CandidateRecord reference in known)
        {
            cancellationToken.ThrowIfCancellationRequested();
            filter.Accept(ImageFile.Load(PathOf(reference.File)));
        }
        while (accepted < options.References)
        {
            cancellationToken.ThrowIfCancellationRequested();
            int first = journal.Candidates.Count;
            if (first >= limit)
                throw new TooFewReferencesException(accepted, options.References, first, Rejected(journal.Candidates));
            GenerationRequest[] requests = asked.Candidates(first);
            IReadOnlyList<ImageBuffer> images = FiniteOutput.Renamed(
                () => generate(requests, options.ReferenceGeneration, new DirectProgress<GenerationProgress>(Report), cancellationToken),
                    i => ($"the reference for the prompt '{requests[i].Prompt}'", first + i));
            var records = new List<CandidateRecord>();
            for (int i = 0; i < images.Count; i++)
                records.Add(Judge(filter, first + i, requests[i], images[i], ref accepted));
            journal.Append(new JournalLine(Candidates: records));
            Report(null);
        }
    }

    private CandidateRecord Judge(ReferenceFilter filter, int candidate, GenerationRequest request, ImageBuffer image, ref int accepted)
    {
        ReferenceVerdict verdict = FiniteOutput.Renamed(
            () => filter.Judge(request.Prompt, image), _ => ($"the reference for the prompt '{request.Prompt}'", candidate));
        if (verdict.Rejection is null && accepted == options.References)
            verdict = verdict with { Rejection = ReferenceRejection.NotNeeded };
        int? sample = verdict.Rejection is null ? accepted++ : null;
        string file = sample is int k ? PairLayout.Reference(k, request.Prompt, options.ImageFormat)
            : PairLayout.RejectedCandidate(candidate, request.Prompt, verdict.Rejection!.Value, options.ImageFormat);
        if (sample is not null)
            filter.Accept(image);
        return new CandidateRecord(
            candidate, request.Prompt, request.NoiseIndex!.Value, file, Save(file, image), image.Width, image.Height, verdict.PlainBorder, verdict.Foreground,
            verdict.ClipT, verdict.Similarity, verdict.MostSimilar, sample, verdict.Rejection);
    }

    private void GeneratePairs(PairJournal journal)
    {
        CandidateRecord[] references = [.. journal.Candidates.Where(c => c.Sample is not null)];
        void Report(GenerationProgress? batch) => progress?.Report(new PairBuildProgress(
            PairBuildStage.Pairs, journal.Samples.Count * options.GenerationsPerReference, references.Length * options.GenerationsPerReference,
            _reusedSamples * options.GenerationsPerReference, journal.Candidates.Count - references.Length, batch));
        Report(null);
        while (journal.Samples.Count < references.Length)
        {
            cancellationToken.ThrowIfCancellationRequested();
            CandidateRecord[] group = [.. references.Skip(journal.Samples.Count).Take(asked.GroupSize)];
            ImageBuffer[] images = Array.ConvertAll(group, c => ImageFile.Load(PathOf(c.File)));
            GenerationRequest[] requests = [.. group.Zip(images).SelectMany(c => asked.Pairs(c.First.Candidate, c.First.Prompt, c.Second))];
            (string, int) Name(int i) => ($"the pair of '{group[i / options.GenerationsPerReference].File}'", i);
            IReadOnlyList<ImageBuffer> generated = FiniteOutput.Renamed(
                () => generate(requests, options.Generation, new DirectProgress<GenerationProgress>(Report), cancellationToken), Name);
            ImageBuffer[] prompted = [.. requests.Select(r => r.References[0].Image)];
            IReadOnlyList<PatchQualityResult> quality = FiniteOutput.Renamed(() => Score(generated, prompted), Name);
            CheckGrid(quality, journal.Maps);
            SampleRecord[] samples = [.. group.Select((c, g) => Store(c, requests, generated, quality, g * options.GenerationsPerReference))];
            journal.Append(new JournalLine(Samples: samples, Maps: [.. quality.Select(q => MapsRecord.Of(new QualityMapPair(q.Reference, q.Generated)))]));
            Report(null);
        }
    }

    private PatchQualityResult[] Score(IReadOnlyList<ImageBuffer> generated, IReadOnlyList<ImageBuffer> references)
    {
        bool[,]?[]? referenceMasks = Masks(references), generatedMasks = Masks(generated);
        var results = new PatchQualityResult[generated.Count];
        // What cannot be aligned, for want of a mask, is scored as it is without alignment.
        foreach (IGrouping<bool, int> pairs in Enumerable.Range(0, results.Length)
            .GroupBy(i => options.ObjectAlignment is not null && referenceMasks?[i] is not null && generatedMasks?[i] is not null))
        {
            int[] own = [.. pairs];
            var estimator = new PatchQualityEstimator(
                encoder, referenceViews: options.ReferenceViews, objectAlignment: pairs.Key ? options.ObjectAlignment : null);
            IReadOnlyList<PatchQualityResult> scored = FiniteOutput.Renamed(
                () => estimator.Score(Of(own, generated), Of(own, references), Of(own, referenceMasks), Of(own, generatedMasks), cancellationToken),
                i => ($"pair {own[i]}", own[i]));
            foreach ((int place, PatchQualityResult result) in own.Zip(scored))
                results[place] = result;
        }
        return results;

        [return: NotNullIfNotNull(nameof(items))]
        static T[]? Of<T>(int[] own, IReadOnlyList<T>? items) => items is null ? null : Array.ConvertAll(own, i => items[i]);
    }

    /// <summary>The objects of pictures on a plain background; null, and so the whole picture, for others.</summary>
    private bool[,]?[]? Masks(IReadOnlyList<ImageBuffer> images) => !options.MaskPlainBackground ? null :
    [
        .. images.Select(i => PlainBackground.Of(i, options.Filter.BackgroundTolerance))
            .Select(b => b.Object(options.Filter.MinPlainBorder)),
    ];

    private SampleRecord Store(CandidateRecord reference, GenerationRequest[] requests, IReadOnlyList<ImageBuffer> generated,
        IReadOnlyList<PatchQualityResult> quality, int first)
    {
        var records = new List<GeneratedRecord>();
        for (int i = 0; i < options.GenerationsPerReference; i++)
        {
            string file = PairLayout.Generated(reference.Sample!.Value, reference.Prompt, i, options.ImageFormat);
            records.Add(new GeneratedRecord(
                requests[first + i].NoiseIndex!.Value, file, Save(file, generated[first + i]), generated[first + i].Width, generated[first + i].Height,
                quality[first + i].Score));
        }
        return new SampleRecord(reference.Sample!.Value, reference.Candidate, reference.Prompt, reference.File, records);
    }

    private PairManifest Finish(PairJournal journal)
    {
        cancellationToken.ThrowIfCancellationRequested();
        StoredMaps.Write(PathOf(PairLayout.Maps), journal.Maps, journal.Samples.Count);
        string[] files = [PairLayout.Maps];
        // The official reader looks for names that end in .png: without maps for it, it cannot begin with a folder that it would fail on.
        if (options.ImageFormat == ImageFormat.Png)
            files = [.. files, WritePickle(journal)];
        var manifest = new PairManifest(
            header, journal.Candidates, journal.Samples, [.. files.Select(f => new FileRecord(f, Hash(f)))]);
        manifest.Write(PathOf(PairLayout.Manifest));
        return manifest;
    }

    /// <summary>The maps for the official script.</summary>
    /// <returns>The file, as the manifest names it.</returns>
    private string WritePickle(PairJournal journal)
    {
        const string Pickle = $"{PairLayout.Pairs}/{PairLayout.Pickle}";
        WeightMapping mapping = WeightMapping.Fit(journal.Maps.SelectMany(m => new[] { m.Reference, m.Generated }), options.PickleWeights);
        IEnumerable<(CandidateRecord Reference, GeneratedRecord Generated)> images = journal.Samples.SelectMany(
            s => s.Generated.Select(g => (Reference: journal.Candidates[s.Candidate], Generated: g)));
        QualityMapPickle.Write(PathOf(Pickle),
            [.. journal.Maps.Zip(images, (m, i) => OnLatents(mapping, m, i.Reference, i.Generated)).Chunk(options.GenerationsPerReference)]);
        return Pickle;
    }

    /// <summary>A pair's maps as the official script takes them: weights on the grid of the latents that it trains on.</summary>
    private QualityMapPair OnLatents(WeightMapping mapping, QualityMapPair maps, CandidateRecord reference, GeneratedRecord generated) => new(
        mapping.Apply(maps.Reference).ResizeCenterSquare(reference.Width, reference.Height, latentGrid, latentGrid),
        mapping.Apply(maps.Generated).ResizeCenterSquare(generated.Width, generated.Height, latentGrid, latentGrid));

    private string Save(string file, ImageBuffer image)
    {
        byte[] bytes = ImageFile.Encode(image, options.ImageFormat);
        string path = PathOf(file);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        AtomicFile.Write(path, stream => stream.Write(bytes));
        return FileHash.Of(bytes);
    }

    private string Hash(string file)
        => FileHash.Of(PathOf(file), kind => new PairFolderException(folder, file, $"this is {kind}, not the file that was written."));

    private void CheckFiles(IReadOnlyList<CandidateRecord> candidates, IReadOnlyList<SampleRecord> samples)
    {
        foreach ((string file, string sha256) in candidates.Select(c => (c.File, c.Sha256))
            .Concat(samples.SelectMany(s => s.Generated).Select(g => (g.File, g.Sha256))))
        {
            cancellationToken.ThrowIfCancellationRequested();
            RecordedFile.Check(folder, file, sha256);
        }
    }

    /// <summary>Removes what a killed run wrote and did not record: images of an unfinished batch, and parts of files.</summary>
    private void DeleteUnrecordedFiles(PairJournal journal)
    {
        HashSet<string> recorded = [.. journal.Candidates.Select(c => c.File).Concat(journal.Samples.SelectMany(s => s.Generated).Select(g => g.File))
            .Select(PathOf)];
        string[] endings = [options.ImageFormat.Ending(), PairLayout.TemporarySuffix];
        foreach (string part in new[] { PairLayout.Pairs, PairLayout.Rejected }.Select(PathOf).Where(Directory.Exists))
            foreach (string file in FolderFiles.Files(part, recursive: true))
                if (endings.Contains(Path.GetExtension(file)) && !recorded.Contains(file))
                    File.Delete(file);
        foreach (string name in new[] { PairLayout.Maps, PairLayout.Manifest })
            foreach (string file in Directory.GetFiles(folder, $"{name}.*{PairLayout.TemporarySuffix}"))
                File.Delete(file);
    }

    private void CheckGrid(IReadOnlyList<PatchQualityResult> quality, IReadOnlyList<QualityMapPair> earlier)
    {
        QualityMap first = earlier.Count > 0 ? earlier[0].Generated : quality[0].Generated;
        if (quality.SelectMany(q => new[] { q.Generated, q.Reference })
            .FirstOrDefault(m => (m.Height, m.Width) != (first.Height, first.Width)) is QualityMap other)
            throw new InvalidOperationException($"The encoder gives grids of {first.Height} x {first.Width} and of {other.Height} x {other.Width} patches; "
                + "a data set has one.");
    }

    private PairBuildSummary Summary(PairManifest manifest) => new(
        folder, manifest.Samples.Count, manifest.Samples.Count * options.GenerationsPerReference, manifest.Candidates.Count, Rejected(manifest.Candidates),
        _reusedCandidates, _reusedSamples * options.GenerationsPerReference);

    private static SortedDictionary<ReferenceRejection, int> Rejected(IReadOnlyList<CandidateRecord> candidates)
        => new(candidates.Where(c => c.Rejection is not null).CountBy(c => c.Rejection!.Value).ToDictionary());

    private string PathOf(string file) => Path.Combine(folder, file.Replace('/', Path.DirectorySeparatorChar));
}
