using PatchDpo.Tests;
using PatchDpo.Torch.Diffusion;
using PatchDpo.Torch.Personalization;
using PatchDpo.Torch.Tests.Personalization;
using PatchDpo.Torch.Weights.Safetensors;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Adapters.IpAdapter;

/// <summary>
/// What IP-Adapters gave when the UNet knew them by type, recorded then: predictions, gradients of the trained layers, and whole generations.
/// </summary>
public sealed class RecordedResultsTests(TinyFamilies families) : IClassFixture<TinyFamilies>
{
    // Mostly equal bits on the machine that recorded them; where memory happens to lie, and on another processor, kernels sum in another order.
    private const double Tolerance = 1e-5;

    // The repository's own, also where the golden fixtures are taken from another folder.
    private static readonly string File = Path.Combine(Fixtures.Repository!, "tests", "fixtures", "recorded", "ip_adapter.safetensors");

    public static TheoryData<TinyFamily, TinyAdapter> All() => TinyFamilies.All();

    [Theory]
    [MemberData(nameof(All))]
    public void Results_are_the_recorded_ones(TinyFamily family, TinyAdapter adapter)
    {
        using DisposeScope scope = NewDisposeScope();
        using SafetensorsFile recorded = SafetensorsFile.Open(File);
        Dictionary<string, Tensor> results = Results(families.Model(family, adapter), $"{family}.{adapter}");
        foreach ((string key, Tensor value) in results)
            Fixtures.AssertClose(value, recorded.Read(key), key.EndsWith("image", StringComparison.Ordinal) ? 1 : Tolerance, key);
    }

    private static Dictionary<string, Tensor> Results(PersonalizedModel model, string name)
    {
        Dictionary<string, Tensor> results = [];
        Tensor latents = SequenceOf(1, 2, 4, 8, 8), timesteps = tensor(new long[] { 20, 700 });
        Tensor text = SequenceOf(2, 2, 16, model.EncodeText(["a"]).HiddenStates.shape[2]);
        TextConditions conditions = new(text, model.EncodeText(["a", "b"]).Pooled);
        ImagePrompt tokens = model.EncodeReferences([TinyModelFixture.Image(1), TinyModelFixture.Image(2)]);
        foreach (double scale in new[] { 0, 0.6, 1 })
            results.Add(FormattableString.Invariant($"{name}.noise.{scale}"), model.PredictNoise(latents, timesteps, conditions, tokens, adapterScale: scale));

        foreach (TorchSharp.Modules.Parameter parameter in model.AdapterLayers.parameters())
            parameter.requires_grad = true;
        model.PredictNoise(latents, timesteps, conditions, tokens).square().mean().backward();
        foreach ((string key, TorchSharp.Modules.Parameter parameter) in model.AdapterLayers.named_parameters())
        {
            results.Add($"{name}.gradient.{key}", parameter.grad!);
            parameter.requires_grad = false;
        }
        byte[] pixels = model.Generate([new("a cat", [TinyModelFixture.Image(1), TinyModelFixture.Image(3)])], new GenerationOptions { Steps = 2 })[0].Pixels;
        results.Add($"{name}.image", tensor(pixels).to(float32));
        return results;
    }

    // Numbers in -1..1 that any machine computes alike.
    private static Tensor SequenceOf(int seed, params long[] shape)
    {
        long count = shape.Aggregate((a, b) => a * b);
        return tensor([.. Enumerable.Range(0, (int)count).Select(i => (float)Math.Sin((i * 0.7) + seed))]).reshape(shape);
    }
}
