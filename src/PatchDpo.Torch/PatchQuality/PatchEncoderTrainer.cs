using PatchDpo.Torch.Images;
using PatchDpo.Torch.Training;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace PatchDpo.Torch.PatchQuality;

/// <summary>Trains an encoder's patch features without labels, so that patches which show the same thing get similar features.</summary>
/// <remarks>
/// PatchDPO first improves its vision model's patch features by self-supervised training; its objective is not published.
/// This one is ours and is named by what it does: two views of an image with a known homography between them (crop, scale,
/// rotation, perspective, mirror) and mild changes of light; corresponding points are pulled together, all others of the batch
/// pushed apart (InfoNCE), save near neighbours and patches that look alike; regions recoloured in copies are negatives, too.
/// </remarks>
public sealed class PatchEncoderTrainer
{
    private readonly PatchEncoderTrainerOptions _options;

    /// <summary>Creates a trainer.</summary>
    /// <param name="options">The settings; null: the defaults.</param>
    public PatchEncoderTrainer(PatchEncoderTrainerOptions? options = null) => _options = options ?? new PatchEncoderTrainerOptions();

    /// <summary>Trains all parameters of a module that require gradients, in place.</summary>
    /// <param name="encoder">The module; its training mode is restored at the end.</param>
    /// <param name="patchFeatures">Its patch features with gradients, <c>(B,3,S,S) -> (B,h,w,D)</c>, covering the whole input.</param>
    /// <param name="pixels">Training images as the encoder takes them (normalised), <c>(N,3,S,S)</c>, on any device.</param>
    /// <param name="progress">Called after each step; null: none.</param>
    /// <param name="cancellationToken">Stops between steps; what was learnt so far stays in the module.</param>
    /// <exception cref="EmptyDataException">There is no image.</exception>
    /// <exception cref="ArgumentException">The pixels have another shape, or the module has nothing to train.</exception>
    /// <exception cref="NonFiniteLossException">The loss became NaN or infinite.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public void Train(nn.Module encoder, Func<Tensor, Tensor> patchFeatures, Tensor pixels, Action<PatchEncoderProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(encoder);
        ArgumentNullException.ThrowIfNull(patchFeatures);
        ArgumentNullException.ThrowIfNull(pixels);
        if (pixels.dim() != 4 || pixels.shape[1] != 3)
            throw new ArgumentException($"The images have the shape (N,3,S,S), not ({string.Join(',', pixels.shape)}).", nameof(pixels));
        if (pixels.shape[0] == 0)
            throw new EmptyDataException("There is no image to train the patch encoder with.");
        Parameter[] parameters = [.. encoder.parameters().Where(p => p.requires_grad)];
        if (parameters.Length == 0)
            throw new ArgumentException("The encoder has no parameter that requires gradients.", nameof(encoder));

        bool wasTraining = encoder.training;
        encoder.train();
        try
        {
            using AdamW optimizer = optim.AdamW(parameters, _options.LearningRate, weight_decay: _options.WeightDecay);
            using Generator generator = new((ulong)_options.Seed);
            Random random = new(_options.Seed);
            Queue<long> order = new();
            for (int step = 1; step <= _options.MaxSteps; step++)
            {
                cancellationToken.ThrowIfCancellationRequested();
                using DisposeScope scope = NewDisposeScope();
                foreach (var group in optimizer.ParamGroups)
                    group.LearningRate = LearningRate(step);
                Tensor batch = pixels.index_select(0, tensor(NextIndexes(order, pixels.shape[0], random), device: pixels.device)).to(parameters[0].device);
                (Tensor loss, Tensor accuracy) = Step(patchFeatures, batch, random, generator);
                double value = loss.item<float>();
                if (!double.IsFinite(value))
                    throw new NonFiniteLossException(step, value);
                optimizer.zero_grad();
                loss.backward();
                optimizer.step();
                progress?.Invoke(new PatchEncoderProgress(step, _options.MaxSteps, value, accuracy.item<float>()));
            }
        }
        finally
        {
            encoder.train(wasTraining);
        }
    }

    /// <summary>Trains all parameters of a module that require gradients, in place.</summary>
    /// <param name="encoder">The module; its training mode is restored at the end.</param>
    /// <param name="patchFeatures">Its patch features with gradients, <c>(B,3,S,S) -> (B,h,w,D)</c>, covering the whole input.</param>
    /// <param name="images">Training images of any sizes; all are held as pixels at once.</param>
    /// <param name="preprocessor">Brings them to the encoder's input; every image must get the same size.</param>
    /// <param name="progress">Called after each step; null: none.</param>
    /// <param name="cancellationToken">Stops between steps; what was learnt so far stays in the module.</param>
    /// <exception cref="EmptyDataException">There is no image.</exception>
    /// <exception cref="ArgumentException">The module has nothing to train.</exception>
    /// <exception cref="NonFiniteLossException">The loss became NaN or infinite.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public void Train(nn.Module encoder, Func<Tensor, Tensor> patchFeatures, IReadOnlyList<ImageBuffer> images, IImagePreprocessor preprocessor,
        Action<PatchEncoderProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(images);
        ArgumentNullException.ThrowIfNull(preprocessor);
        if (images.Count == 0)
            throw new EmptyDataException("There is no image to train the patch encoder with.");
        using DisposeScope scope = NewDisposeScope();
        Train(encoder, patchFeatures, stack(images.Select(preprocessor.Preprocess)), progress, cancellationToken);
    }

    private (Tensor Loss, Tensor Accuracy) Step(Func<Tensor, Tensor> patchFeatures, Tensor images, Random random, Generator generator)
    {
        (Homography First, Homography Second)[] views = [.. Enumerable.Range(0, (int)images.shape[0]).Select(_ => PatchCorrespondence.DrawViews(random, _options))];
        Tensor plain = PatchViews.Render(images, [.. views.Select(v => v.Second)]);
        Tensor first = ChangeLight(PatchViews.Render(images, [.. views.Select(v => v.First)])), second = ChangeLight(plain);
        Tensor? recoloured = _options.RecolouredNegatives ? PatchViews.RecolourRegions(plain, random) : null;

        Tensor maps = patchFeatures(first);
        (long rows, long columns) = (maps.shape[1], maps.shape[2]);
        (Tensor points, Tensor toPoints) = PatchCorrespondence.DrawPoints(views, (int)rows, (int)columns, _options.PointsPerImage, random);
        toPoints = toPoints.to(images.device);
        Tensor a = PatchViews.ReadAt(maps, points).flatten(0, 1), b = PatchViews.ReadAt(patchFeatures(second), toPoints).flatten(0, 1);
        Tensor looks = PatchCorrespondence.Looks(plain, toPoints, rows, columns);
        Tensor near = PatchCorrespondence.Near(toPoints, rows, columns, _options.NeighbourRadius);
        Tensor excluded = near.logical_or(PatchCorrespondence.Alike(looks, looks, _options.LookAlikeDistance));
        if (recoloured is null)
            return PatchContrast.Loss(a, b, excluded, _options.Temperature, null, null);
        Tensor negatives = PatchViews.ReadAt(patchFeatures(ChangeLight(recoloured)), toPoints).flatten(0, 1);
        Tensor changed = PatchCorrespondence.Looks(recoloured, toPoints, rows, columns);
        // What is still the same at its place is no negative, even where its surroundings changed.
        Tensor same = near.logical_and(PatchCorrespondence.Alike(PatchCorrespondence.OfPatch(looks), PatchCorrespondence.OfPatch(changed), _options.LookAlikeDistance));
        return PatchContrast.Loss(a, b, excluded, _options.Temperature, negatives, same.logical_or(PatchCorrespondence.Alike(looks, changed, _options.LookAlikeDistance)));

        Tensor ChangeLight(Tensor view) => PatchViews.ChangeLight(view, _options.ColourJitter, _options.Noise, generator);
    }

    private double LearningRate(int step)
    {
        if (step <= _options.WarmupSteps)
            return _options.LearningRate * step / (_options.WarmupSteps + 1);
        double done = (step - _options.WarmupSteps) / (double)Math.Max(1, _options.MaxSteps - _options.WarmupSteps);
        return _options.LearningRate * 0.5 * (1 + Math.Cos(Math.PI * Math.Min(done, 1)));
    }

    /// <summary>The next batch's images: every image once in a new random order before any comes again.</summary>
    private long[] NextIndexes(Queue<long> order, long count, Random random)
    {
        long[] batch = new long[Math.Min(_options.BatchSize, count)];
        for (int i = 0; i < batch.Length; i++)
        {
            if (order.Count == 0)
            {
                long[] shuffled = [.. Enumerable.Range(0, (int)count).Select(n => (long)n)];
                random.Shuffle(shuffled);
                Array.ForEach(shuffled, order.Enqueue);
            }
            batch[i] = order.Dequeue();
        }
        return batch;
    }
}
