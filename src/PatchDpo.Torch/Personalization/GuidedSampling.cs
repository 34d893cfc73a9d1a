using PatchDpo.Torch.Diffusion;
using PatchDpo.Torch.Diffusion.Samplers;
using PatchDpo.Torch.Foundation;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Personalization;

/// <summary>The sampling loop with classifier-free guidance.</summary>
/// <remarks>As diffusers' StableDiffusionXLPipeline and IP-Adapter's generate: one network call a step for both halves, the negative first.</remarks>
internal static class GuidedSampling
{
    /// <summary>Samples latents from noise.</summary>
    /// <param name="network">Binds the network to the conditions of all steps.</param>
    /// <param name="sampler">The method; its run is started here.</param>
    /// <param name="steps">Number of steps.</param>
    /// <param name="guidanceScale">Weight of the prompt against the negative prompt; used where <paramref name="negative"/> is given.</param>
    /// <param name="noise">Standard normal, <c>(B,C,h,w)</c>.</param>
    /// <param name="positive">The prompts, B rows.</param>
    /// <param name="negative">The negative prompts, B rows; null samples without guidance.</param>
    /// <param name="observe">Called after each step.</param>
    /// <param name="cancellationToken">Looked at before every step.</param>
    /// <param name="stepNoise">Standard normal like <paramref name="noise"/> for a step; needed where the sampler adds noise.</param>
    /// <returns>Latents <c>(B,C,h,w)</c>, the caller's to dispose.</returns>
    public static Tensor Run(
        Func<PromptConditions, ConditionedNetwork> network, ISampler sampler, int steps, double guidanceScale, Tensor noise,
        PromptConditions positive, PromptConditions? negative, Action<GuidedStep>? observe, CancellationToken cancellationToken,
        Func<int, Tensor>? stepNoise = null)
    {
        using IDisposable noGrad = no_grad();
        using DisposeScope scope = NewDisposeScope();
        sampler.SetTimesteps(steps);
        PromptConditions conditions = negative is null ? positive : PromptConditions.Guided(negative, positive);
        using ConditionedNetwork conditioned = network(conditions);
        Tensor latents = noise.Times(sampler.InitialNoiseScale);
        for (int i = 0; i < sampler.Timesteps.Count; i++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            using DisposeScope step = NewDisposeScope();
            Tensor input = sampler.ScaleInput(latents, i);
            if (negative is not null)
                input = cat([input, input]);
            Tensor timesteps = TensorArithmetic.Filled([input.shape[0]], sampler.Timesteps[i], ScalarType.Float32, input.device);
            Tensor prediction = conditioned.Predict(input, timesteps);

            Tensor? unconditional = null;
            Tensor conditional = prediction, guided = prediction;
            if (negative is not null)
            {
                Tensor[] halves = prediction.chunk(2);
                (unconditional, conditional) = (halves[0], halves[1]);
                guided = unconditional.Plus((conditional - unconditional).Times(guidanceScale));
            }
            using Tensor before = latents;
            latents = sampler.Step(guided, before, i, sampler.AddsNoise(i) ? stepNoise?.Invoke(i) : null);
            observe?.Invoke(new GuidedStep(i, unconditional, conditional, guided, latents));
            latents.MoveToOuterDisposeScope();
        }
        return latents.MoveToOuterDisposeScope();
    }
}
