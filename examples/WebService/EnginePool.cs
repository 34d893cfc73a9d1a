using System.Threading.Channels;
using Microsoft.ML;
using Microsoft.ML.Data;
using PatchDpo.MLNet;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.Personalization;

namespace WebService;

/// <summary>A fixed number of prediction engines, each with a model of its own; who finds none idle waits.</summary>
internal sealed class EnginePool : IDisposable
{
    private readonly Channel<PredictionEngine<ImageRequest, ImageResponse>> _idle = Channel.CreateUnbounded<PredictionEngine<ImageRequest, ImageResponse>>();
    private readonly List<PersonalizedModel> _models = [];

    /// <summary>Loads the models.</summary>
    public EnginePool(int engines)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(engines, 1);
        for (int i = 0; i < engines; i++)
            _idle.Writer.TryWrite(Create());
    }

    /// <summary>How many there are.</summary>
    public int Engines => _models.Count;

    /// <summary>How many of them wait for a request.</summary>
    public int Idle => _idle.Reader.Count;

    /// <summary>Draws an image.</summary>
    /// <returns>A PNG file.</returns>
    public async Task<byte[]> GenerateAsync(ImageRequest request, CancellationToken cancellationToken)
    {
        PredictionEngine<ImageRequest, ImageResponse> engine = await _idle.Reader.ReadAsync(cancellationToken);
        try
        {
            return await Task.Run(() => Draw(engine, request), cancellationToken);
        }
        finally
        {
            _idle.Writer.TryWrite(engine);
        }
    }

    public void Dispose()
    {
        while (_idle.Reader.TryRead(out PredictionEngine<ImageRequest, ImageResponse>? engine))
            engine.Dispose();
        foreach (PersonalizedModel model in _models)
            model.Dispose();
    }

    private static byte[] Draw(PredictionEngine<ImageRequest, ImageResponse> engine, ImageRequest request)
    {
        using MLImage image = engine.Predict(request).Generated!;
        // Generated images are opaque, red first.
        return ImageFile.EncodePng(new ImageBuffer(image.Width, image.Height, 4, image.Pixels.ToArray()));
    }

    private PredictionEngine<ImageRequest, ImageResponse> Create()
    {
        var ml = new MLContext(seed: 1);
        PersonalizedModel model = ml.PatchDpo.LoadEmbeddedModel();
        _models.Add(model);
        IDataView schema = ml.Data.LoadFromEnumerable<ImageRequest>([]);
        var generating = ml.PatchDpo.GeneratePersonalizedImages(model, new PersonalizedImageEstimator.Options
        {
            Generation = new GenerationOptions { Steps = 16, GuidanceScale = 2, NegativePrompt = "" },
        });
        return ml.Model.CreatePredictionEngine<ImageRequest, ImageResponse>(generating.Fit(schema));
    }
}
