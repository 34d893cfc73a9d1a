using Microsoft.ML;
using Microsoft.ML.Data;
using PatchDpo.MLNet.Interop;
using PatchDpo.MLNet.Tests.Support;
using PatchDpo.Tests;
using PatchDpo.Torch.PatchQuality;
using Options = PatchDpo.MLNet.PatchQualityScoringEstimator.Options;

namespace PatchDpo.MLNet.Tests;

/// <summary>Views of the references as an option of scoring.</summary>
public sealed class ReferenceViewTests(TinyModels models) : IClassFixture<TinyModels>, IDisposable
{
    private static readonly Options Viewed = new() { ReferenceViews = new ReferenceViews { Scales = [0.5, 0.75], Tilts = [3], Mirrored = true }, BatchSize = 2 };

    private readonly MLContext _ml = new(1);
    private readonly PoolingEncoder _encoder = new();

    public void Dispose() => _encoder.Dispose();

    [Fact]
    public void They_pass_what_MLNET_checks_of_its_own_and_are_saved()
        => EstimatorCheck.Run(_ml, _ml.PatchDpo.ScorePatchQuality(ImageEncoder.FromFolder(models.Dino), Viewed), PairRow.Rows(_ml, 3));

    [Fact]
    public void They_say_what_the_estimator_is_told_directly()
    {
        PairRow[] rows = [.. _ml.Data.CreateEnumerable<PairRow>(PairRow.Rows(_ml, 3), reuseRowObject: false)];
        IDataView data = _ml.Data.LoadFromEnumerable(rows);
        using PatchQualityScoringTransformer viewed = Fit(Viewed, data), plain = Fit(new Options { BatchSize = 2 }, data);
        IReadOnlyList<PatchQualityResult> direct = new PatchQualityEstimator(_encoder, referenceViews: Viewed.ReferenceViews).Score(
            [.. rows.Select(r => MLImages.ToImageBuffer(r.Generated!))], [.. rows.Select(r => MLImages.ToImageBuffer(r.Reference!))]);
        IDataView scored = viewed.Transform(data);
        Assert.Equal(direct.Select(r => r.Score), scored.GetColumn<float>("PatchQualityScore"));
        Assert.Equal(direct.SelectMany(r => r.Generated.Values), scored.GetColumn<float[]>("GeneratedQuality").SelectMany(v => v));
        Assert.Equal(direct.SelectMany(r => r.Reference.Values), scored.GetColumn<float[]>("ReferenceQuality").SelectMany(v => v));
        Assert.NotEqual(plain.Transform(data).GetColumn<float>("PatchQualityScore"), scored.GetColumn<float>("PatchQualityScore"));
    }

    private PatchQualityScoringTransformer Fit(Options options, IDataView data)
        => _ml.PatchDpo.ScorePatchQuality(ImageEncoder.FromInstance(_encoder), options).Fit(data);
}
