using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.Loop;
using PatchDpo.Torch.PatchQuality;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace PatchDpo.Torch.PatchEncoders;

/// <summary>Trains an encoder's patch features without labels, so that patches which show the same thing get similar features.</summary>
/// <remarks>
/// PatchDPO first improves its vision model's patch features by self-supervised training; its objective is not published.
/// This one is ours and is named by what it does: two views of an image with a known homography between them (crop, scale,
/// rotation, perspective, mirror) and mild changes of light; corresponding points are pulled together, all others of the batch
/// pushed apart (InfoNCE), save near neighbours and patches that look alike; regions recoloured in copies are negatives, too.
/// A copy of what is trained is held until the end, so that a training that fails or is cancelled changes nothing.
/// </remarks>
public sealed class PatchEncoderTrainer
{
    // Enough patches for the covariance of a thousand feature values.
    private const int WhiteningBatches = 8;

    private readonly PatchEncoderTrainerOptions _options;

    /// <summary>Creates a trainer.</summary>
    /// <param name="options">The settings; null: the defaults.</param>
    public PatchEncoderTrainer(PatchEncoderTrainerOptions? options = null)
    {
        _options = options ?? new PatchEncoderTrainerOptions();
        ArgumentRange.CheckAdamW(_options.LearningRate, _options.WeightDecay, beta1: 0.9);
    }

    /// <summary>
    /// Trains all parameters of a module that require gradients, in place; where it ends in an exception, the module is as it was before, its buffers
    /// too.
    /// </summary>
    /// <param name="encoder">The module; its training mode is restored at the end.</param>
    /// <param name="patchFeatures">Its patch features with gradients, <c>(B,3,S,S) -> (B,h,w,D)</c>, covering the whole input.</param>
    /// <param name="pixels">Training images as the encoder takes them (normalised), <c>(N,3,S,S)</c>, on any device.</param>
    /// <param name="progress">Called after each step; null: none.</param>
    /// <param name="cancellationToken">Stops between steps; nothing is kept of a training that is cancelled.</param>
    /// <exception cref="EmptyDataException">There is no image.</exception>
    /// <exception cref="ArgumentException">The pixels have another shape, or the module has nothing to train.</exception>
    /// <exception cref="NonFiniteLossException">The training diverged.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public void Train(nn.Module encoder, Func<Tensor, Tensor> patchFeatures, Tensor pixels, Action<PatchEncoderProgress>? progress = null,
        CancellationToken cancellationToken = default)
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

        using TrainingRollback before = new(encoder, parameters, parameters);
        encoder.train();
        Run(parameters, patchFeatures, new PixelViewPool(pixels, _options, parameters[0].device), progress, cancellationToken);
        before.Keep();
    }

    /// <summary>
    /// Trains all parameters of a module that require gradients, in place; where it ends in an exception, the module is as it was before, its buffers
    /// too.
    /// </summary>
    /// <param name="encoder">The module; its training mode is restored at the end.</param>
    /// <param name="patchFeatures">Its patch features with gradients, <c>(B,3,S,S) -> (B,h,w,D)</c>, covering the whole input.</param>
    /// <param name="images">Training images of any sizes; all are held as pixels at once.</param>
    /// <param name="preprocessor">Brings them to the encoder's input; every image must get the same size.</param>
    /// <param name="progress">Called after each step; null: none.</param>
    /// <param name="cancellationToken">Stops between steps; nothing is kept of a training that is cancelled.</param>
    /// <exception cref="EmptyDataException">There is no image.</exception>
    /// <exception cref="ArgumentException">The module has nothing to train.</exception>
    /// <exception cref="NonFiniteLossException">The training diverged.</exception>
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

    /// <summary>
    /// Trains the patch features of an encoder of this library, in place: all of it, its last blocks, or its head
    /// (<see cref="PatchEncoderTrainerOptions.TrainedBlocks"/>). Where it ends in an exception, the encoder is as it was before.
    /// </summary>
    /// <param name="encoder">
    /// The encoder. Put a <see cref="PatchHeadEncoder"/> around it to train a head, with it or alone; a fresh head starts as the
    /// whitening of the images' features. Batch normalisations keep their statistics, so that training and use see the same network.
    /// </param>
    /// <param name="images">Training images of any sizes; all are held in memory.</param>
    /// <param name="progress">Called after each step; null: none.</param>
    /// <param name="cancellationToken">Stops between steps; nothing is kept of a training that is cancelled.</param>
    /// <exception cref="EmptyDataException">There is no image.</exception>
    /// <exception cref="ArgumentException">
    /// There is nothing to train, or <see cref="PatchEncoderTrainerOptions.CropSize"/> is no size that the encoder takes.
    /// </exception>
    /// <exception cref="NonFiniteLossException">The training diverged.</exception>
    /// <exception cref="NonFiniteOutputException">A fresh head cannot start: the encoder gives NaN or infinite features.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public void Train(ITrainableVisionEncoder encoder, IReadOnlyList<ImageBuffer> images, Action<PatchEncoderProgress>? progress = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(encoder);
        ArgumentNullException.ThrowIfNull(images);
        if (images.Count == 0)
            throw new EmptyDataException("There is no image to train the patch encoder with.");
        PatchHeadEncoder? headed = encoder as PatchHeadEncoder;
        nn.Module? module = (headed?.Encoder ?? encoder) as nn.Module;
        IReadOnlyList<IReadOnlyList<Parameter>> groups = encoder.PatchParameters;
        int trained = _options.TrainedBlocks is int blocks ? Math.Min(blocks + (headed is null ? 0 : 1), groups.Count) : groups.Count;
        Parameter[] parameters = [.. groups.Skip(groups.Count - trained).SelectMany(g => g)];
        if (parameters.Length == 0)
            throw new ArgumentException($"There is nothing to train: {nameof(PatchEncoderTrainerOptions.TrainedBlocks)} is 0, and the encoder has no head.",
                nameof(encoder));

        // By reference: tensors compare by value.
        HashSet<Parameter> chosen = new(parameters, ReferenceEqualityComparer.Instance);
        Parameter[] all = [.. (module?.parameters() ?? []).Concat(groups.SelectMany(g => g)).Distinct<Parameter>(ReferenceEqualityComparer.Instance)];
        using DisposeScope scope = NewDisposeScope();
        using PhotoViewPool? photos = _options.CropSize is null ? null : new PhotoViewPool(images, encoder.Preprocessor, _options, encoder.Device);
        using TrainingRollback before = new(module, all, parameters);
        module?.eval();
        foreach (Parameter parameter in all)
            parameter.requires_grad = chosen.Contains(parameter);
        IViewPool pool = photos ?? (IViewPool)new PixelViewPool(Whole(images, encoder.Preprocessor), _options, encoder.Device);
        if (headed is { IsFresh: true })
            Whiten(headed, pool, cancellationToken);
        Run(parameters, PatchFeatures, pool, progress, cancellationToken);
        headed?.MarkTrained();
        before.Keep();

        Tensor PatchFeatures(Tensor pixels)
        {
            VisionFeatures features = encoder.ForwardFeatures(pixels);
            features.Global.Dispose();
            return features.Patches;
        }
    }

    private static Tensor Whole(IReadOnlyList<ImageBuffer> images, IImagePreprocessor preprocessor)
    {
        WholeImageView view = new(preprocessor);
        return EncoderInput.Batch(images.Select(view.Preprocess).ToArray());
    }

    private void Whiten(PatchHeadEncoder headed, IViewPool pool, CancellationToken cancellationToken)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        var draws = new TrainingDraws(_options.Seed);
        var order = new RowOrder((int)pool.Count, draws);
        List<Tensor> features = [];
        for (int i = 0; i < WhiteningBatches; i++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            using DisposeScope inner = NewDisposeScope();
            long[] chosen = Batch(order, pool, i);
            Tensor views = pool.Draw(chosen, draws.Random(TrainingDraw.Start, i)).First;
            using VisionFeatures batch = FiniteOutput.Renamed(() => headed.Encoder.EncodePatches(views), n => ($"training image {chosen[n]}", (int)chosen[n]));
            features.Add(batch.Patches.flatten(0, 2).MoveToOuterDisposeScope());
        }
        using Generator generator = draws.Generator(TrainingDraw.Start, WhiteningBatches);
        headed.Whiten(cat(features), generator);
    }

    private void Run(Parameter[] parameters, Func<Tensor, Tensor> patchFeatures, IViewPool pool, Action<PatchEncoderProgress>? progress,
        CancellationToken cancellationToken)
    {
        var draws = new TrainingDraws(_options.Seed);
        var order = new RowOrder((int)pool.Count, draws);
        double accuracy = 0;
        using var loop = new TrainingLoop(parameters.Select((p, i) => ($"{i}", p)), new TrainingLoopOptions
        {
            MaxSteps = _options.MaxSteps,
            LearningRate = LearningRate,
            AdamW = new() { WeightDecay = _options.WeightDecay },
        });
        loop.Run(Loss, done => progress?.Invoke(new PatchEncoderProgress(done.Step, _options.MaxSteps, done.Loss, accuracy)),
            cancellationToken: cancellationToken);

        Tensor Loss(int step, int part)
        {
            Random random = draws.Random(TrainingDraw.Views, step);
            using Generator light = draws.Generator(TrainingDraw.Light, step);
            (Tensor loss, Tensor right) = Step(patchFeatures, pool.Draw(Batch(order, pool, step - 1), random), random, light);
            accuracy = right.item<float>();
            return loss;
        }
    }

    /// <summary>The images of a batch, from 0.</summary>
    private long[] Batch(RowOrder order, IViewPool pool, int batch)
    {
        int size = (int)Math.Min(_options.BatchSize, pool.Count);
        return order.At((long)batch * size, size);
    }

    private (Tensor Loss, Tensor Accuracy) Step(Func<Tensor, Tensor> patchFeatures, ViewPair views, Random random, Generator generator)
    {
        Tensor plain = views.Second, first = ChangeLight(views.First), second = ChangeLight(plain);
        Tensor? recoloured = _options.RecolouredNegatives ? Enumerable.Range(0, _options.RecolouredRegions)
            .Aggregate(plain, (image, _) => PatchViews.RecolourRegions(image, random)) : null;

        Tensor maps = patchFeatures(first);
        (long rows, long columns) = (maps.shape[1], maps.shape[2]);
        (Tensor points, Tensor toPoints) = PatchCorrespondence.DrawPoints(
            views.Maps, (int)rows, (int)columns, _options.PointsPerImage, random, views.Foregrounds);
        toPoints = toPoints.to(plain.device);
        Tensor a = PatchViews.ReadAt(maps, points).flatten(0, 1), b = PatchViews.ReadAt(patchFeatures(second), toPoints).flatten(0, 1);
        Tensor looks = PatchCorrespondence.Appearance(plain, toPoints, rows, columns);
        Tensor near = PatchCorrespondence.WithinRadius(toPoints, rows, columns, _options.NeighbourRadius);
        Tensor excluded = near.logical_or(PatchCorrespondence.AppearEqual(looks, looks, _options.LookAlikeDistance));
        Tensor? negatives = null, negativesExcluded = null;
        Tensor others = b, otherLooks = looks;
        if (recoloured is not null)
        {
            negatives = PatchViews.ReadAt(patchFeatures(ChangeLight(recoloured)), toPoints).flatten(0, 1);
            Tensor changed = PatchCorrespondence.Appearance(recoloured, toPoints, rows, columns);
            // What is still the same at its place is no negative, even where its surroundings changed.
            Tensor same = near.logical_and(
                PatchCorrespondence.AppearEqual(PatchCorrespondence.OfPatch(looks), PatchCorrespondence.OfPatch(changed), _options.LookAlikeDistance));
            negativesExcluded = same.logical_or(PatchCorrespondence.AppearEqual(looks, changed, _options.LookAlikeDistance));
            (others, otherLooks) = (cat([others, negatives]), cat([otherLooks, changed]));
        }
        (Tensor loss, Tensor accuracy) = PatchContrast.Loss(a, b, excluded, _options.Temperature, negatives, negativesExcluded);
        if (_options.GradedWeight > 0)
            loss = loss.Plus(PatchContrast.GradedLoss(a, others, PatchCorrespondence.AppearanceSimilarity(looks, otherLooks, _options.GradedDistance))
                .Times(_options.GradedWeight));
        return (loss, accuracy);

        Tensor ChangeLight(Tensor view) => PatchViews.ChangeLight(view, _options.ColourJitter, _options.Noise, generator);
    }

    private double LearningRate(int step)
    {
        if (step <= _options.WarmupSteps)
            return _options.LearningRate * step / (_options.WarmupSteps + 1);
        double done = (step - _options.WarmupSteps) / (double)Math.Max(1, _options.MaxSteps - _options.WarmupSteps);
        return _options.LearningRate * 0.5 * (1 + Math.Cos(Math.PI * Math.Min(done, 1)));
    }
}
