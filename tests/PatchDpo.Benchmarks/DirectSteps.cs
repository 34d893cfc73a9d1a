using PatchDpo.Torch.Diffusion;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.Pairs;
using PatchDpo.Torch.Personalization;
using PatchDpo.Torch.Training.Objectives;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace PatchDpo.Benchmarks;

/// <summary>Training steps without the trainer: prediction, loss, backward pass and TorchSharp's AdamW, called directly.</summary>
internal sealed class DirectSteps : IDisposable
{
    /// <summary>Of every step.</summary>
    public const double LearningRate = 3e-5;

    private readonly PersonalizedModel _model;
    private readonly TrainingPair[] _pairs;
    private readonly int _side;
    private readonly Conditions _conditions;
    private readonly PersonalizedModel _tuned;
    private readonly AdamW _optimizer;

    /// <param name="model">Stays the caller's, who may release its encoders where no step encodes.</param>
    /// <param name="pairs">A step's pairs.</param>
    /// <param name="side">The images' side in pixels.</param>
    public DirectSteps(PersonalizedModel model, TrainingPair[] pairs, int side)
    {
        (_model, _pairs, _side) = (model, pairs, side);
        using (NewDisposeScope())
            _conditions = Encode().Map(t => t.DetachFromDisposeScope());
        _tuned = model.WithAdapterLayers(model.AdapterLayers.Clone());
        foreach (Parameter parameter in _tuned.AdapterLayers.parameters())
            parameter.requires_grad = true;
        _optimizer = optim.AdamW(_tuned.AdapterLayers.parameters(), LearningRate, weight_decay: 0.01);
    }

    /// <summary>Takes steps.</summary>
    /// <param name="steps">How many.</param>
    /// <param name="encodes">Whether each step encodes its pairs' latents, prompts and image prompts, in the official script's order of work.</param>
    /// <returns>The seconds of each.</returns>
    public double[] Take(int steps, bool encodes)
    {
        double[] seconds = new double[steps];
        for (int step = 0; step < steps; step++)
        {
            double start = Clock.Now;
            using DisposeScope scope = NewDisposeScope();
            Take(encodes ? Encode() : _conditions);
            seconds[step] = Clock.Now - start;
        }
        return seconds;
    }

    public void Dispose()
    {
        _optimizer.Dispose();
        _tuned.Dispose();
        _conditions.Dispose();
    }

    private Conditions Encode()
    {
        using IDisposable noGrad = no_grad();
        ImageBuffer[] references = [.. _pairs.Select(p => p.Reference)];
        Tensor latents = _model.EncodeLatents([.. references, .. _pairs.Select(p => p.Generated)], _side);
        // Both images of a pair have its prompt and its image prompt, which are encoded once.
        TextConditions text = _model.EncodeText([.. _pairs.Select(p => p.Prompt)]);
        ImagePrompt image = _model.EncodeReferences(references);
        return new Conditions(latents, text.Map(Twice), image.Map(Twice));
    }

    private void Take(Conditions conditions)
    {
        long grid = conditions.Latents.shape[2];
        _optimizer.zero_grad();
        Tensor noise = Twice(randn([_pairs.Length, _model.LatentChannels, grid, grid], device: _model.Device));
        Tensor timesteps = full([2 * _pairs.Length], 500L, dtype: ScalarType.Int64, device: _model.Device);
        Tensor prediction = _tuned.PredictNoise(_model.Schedule.AddNoise(conditions.Latents, noise, timesteps), timesteps, conditions.Text, conditions.Image);
        Tensor weights = PatchDpoLoss.Weights(Quality(0.3f), Quality(0.6f));
        Tensor loss = PatchDpoLoss.Compute(prediction, noise, weights);
        loss.item<float>();
        loss.backward();
        _optimizer.step();

        Tensor Quality(float value) => full([_pairs.Length, grid, grid], value, device: _model.Device);
    }

    private static Tensor Twice(Tensor rows) => cat([rows, rows]);

    private sealed record Conditions(Tensor Latents, TextConditions Text, ImagePrompt Image) : IDisposable
    {
        public Conditions Map(Func<Tensor, Tensor> function) => new(function(Latents), Text.Map(function), Image.Map(function));

        public void Dispose()
        {
            Latents.Dispose();
            Text.Dispose();
            Image.Dispose();
        }
    }
}
