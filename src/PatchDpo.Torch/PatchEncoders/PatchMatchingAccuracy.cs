using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.PatchQuality;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.PatchEncoders;

/// <summary>Measures patch features: how often a patch's most similar patch in another photo of the same thing is the right one.</summary>
/// <remarks>
/// The definition is ours, made for photo pairs with a known homography (HPatches: 512 x 512 pixels, a 32 x 32 grid): the
/// share of the first photo's patches whose most similar patch (cosine) in the second lies within 1.5 patches of where the
/// homography puts their centre. Patches that leave the second photo are left out.
/// </remarks>
public static class PatchMatchingAccuracy
{
    /// <summary>Measures one pair.</summary>
    /// <param name="first">Patch features of the first photo, <c>(h,w,D)</c>, covering all of it.</param>
    /// <param name="second">Patch features of the second, <c>(H,W,D)</c>.</param>
    /// <param name="map">From the first photo to the second.</param>
    /// <param name="tolerance">How far from the right place a match may lie, in patches of the second photo.</param>
    /// <returns>The share of right matches, 0..1, and how many patches were asked; the share is NaN where every patch leaves the second photo.</returns>
    /// <exception cref="ArgumentException">The shapes do not fit.</exception>
    public static (double Accuracy, int Patches) Compute(Tensor first, Tensor second, Homography map, double tolerance = 1.5)
    {
        ArgumentNullException.ThrowIfNull(first);
        ArgumentNullException.ThrowIfNull(second);
        ArgumentNullException.ThrowIfNull(map);
        if (first.dim() != 3 || second.dim() != 3)
            throw new ArgumentException($"The features of one photo have the shape (h,w,D), not ({string.Join(',', first.shape)}) and "
                + $"({string.Join(',', second.shape)}).");
        return Compute([(ReferenceView.Itself, first)], second, map, tolerance);
    }

    // A patch's match is that of the view in which it finds the most similar one.
    private static (double Accuracy, int Patches) Compute(
        IReadOnlyList<(ReferenceView View, Tensor Features)> firsts, Tensor second, Homography map, double tolerance)
    {
        using DisposeScope scope = NewDisposeScope();
        (int rows, int columns) = ((int)firsts[0].Features.shape[0], (int)firsts[0].Features.shape[1]);
        (Tensor[] similarities, Tensor[] places) = ([], []);
        foreach ((ReferenceView view, Tensor features) in firsts)
        {
            (Tensor similarity, Tensor place) = PatchSimilarity.Compute(features.unsqueeze(0), second.unsqueeze(0));
            Tensor seen = tensor(view.PatchesOfReference(rows, columns), device: features.device);
            similarities = [.. similarities, similarity.flatten().index_select(0, seen)];
            places = [.. places, place.flatten().index_select(0, seen)];
        }
        Tensor best = stack(similarities).argmax(0, keepdim: true);
        long[] matches = stack(places).gather(0, best).cpu().data<long>().ToArray();
        (int toRows, int toColumns) = ((int)second.shape[0], (int)second.shape[1]);
        int asked = 0, right = 0;
        for (int i = 0; i < matches.Length; i++)
        {
            (double x, double y) = map.Map((i % columns + 0.5) / columns, (i / columns + 0.5) / rows);
            if (x is not (>= 0 and < 1) || y is not (>= 0 and < 1))
                continue;
            double dx = (x * toColumns) - 0.5 - (matches[i] % toColumns), dy = (y * toRows) - 0.5 - (matches[i] / toColumns);
            asked++;
            if ((dx * dx) + (dy * dy) <= tolerance * tolerance)
                right++;
        }
        return (asked == 0 ? double.NaN : right / (double)asked, asked);
    }

    /// <summary>Measures an encoder on pairs of photos.</summary>
    /// <param name="encoder">The encoder; its patch grid covers each whole photo.</param>
    /// <param name="pairs">The pairs (see <see cref="HomographyPair"/>); a photo that stands in consecutive pairs is encoded once.</param>
    /// <param name="tolerance">How far from the right place a match may lie, in patches of the second photo.</param>
    /// <param name="views">
    /// Views of each pair's first photo: where one of them finds a more similar patch than the photo itself does, that is the match. Null: the photo alone.
    /// </param>
    /// <param name="cancellationToken">Stops between pairs.</param>
    /// <returns>Each pair's accuracy, and their mean.</returns>
    /// <exception cref="EmptyDataException">There is no pair, or none of which the photos share a patch.</exception>
    /// <exception cref="NonFiniteOutputException">The encoder gives NaN or infinite features.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public static PatchMatchingMetrics Measure(
        IVisionEncoder encoder, IEnumerable<HomographyPair> pairs, double tolerance = 1.5, ReferenceViews? views = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(encoder);
        ArgumentNullException.ThrowIfNull(pairs);
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        WholeImageView view = new(encoder.Preprocessor);
        ReferenceView[] all = views?.All() ?? [ReferenceView.Itself];
        ImageBuffer? photo = null;
        (ReferenceView View, Tensor Features)[] firsts = [];
        List<double> accuracies = [];
        int patches = 0;
        foreach (HomographyPair pair in pairs)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (!ReferenceEquals(photo, pair.First))
            {
                foreach ((_, Tensor known) in firsts)
                    known.Dispose();
                photo = pair.First;
                firsts = Array.ConvertAll(all, v => (v, Features(v == ReferenceView.Itself ? photo : v.Draw(photo))));
            }
            using Tensor second = Features(pair.Second);
            (double accuracy, int asked) = Compute(firsts, second, pair.Map, tolerance);
            accuracies.Add(accuracy);
            patches += asked;
        }
        return patches > 0 ? new PatchMatchingMetrics(accuracies, patches) : throw new EmptyDataException("There is no pair of photos that share a patch.");

        Tensor Features(ImageBuffer image)
        {
            using DisposeScope inner = NewDisposeScope();
            using VisionFeatures features = encoder.EncodePatches(EncoderInput.Batch(new[] { view.Preprocess(image) }).to(encoder.Device));
            return features.Patches[0].clone().MoveToOuterDisposeScope();
        }
    }
}
