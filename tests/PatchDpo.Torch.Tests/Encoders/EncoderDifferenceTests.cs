using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Vision.Cnn;
using PatchDpo.Torch.Weights;
using PatchDpo.Torch.Weights.Safetensors;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Encoders;

/// <summary>What training changed of ImageNet's ResNet-18, in a file of its own.</summary>
public sealed class EncoderDifferenceTests : IDisposable
{
    private const string Trained = "layer3.1.conv2.weight";

    private readonly string _folder = Directory.CreateTempSubdirectory("patchdpo-difference-").FullName;

    private string Path => System.IO.Path.Combine(_folder, "model.safetensors");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void It_gives_the_trained_encoder_again_from_a_file_or_a_folder_and_holds_what_changed_alone()
    {
        LeakCheck.Run(() =>
        {
            using DisposeScope scope = NewDisposeScope();
            using IDisposable noGrad = no_grad();
            using IVisionEncoder trained = Train();
            using (var headed = new PatchHeadEncoder((ITrainableVisionEncoder)PatchEncoder.LoadResNet18(), 8))
                PatchEncoder.Save(headed, _folder);
            PatchEncoder.SaveDifference(trained, _folder);
            using (var file = SafetensorsFile.Open(Path))
                Assert.Equal([Trained], file.Keys);

            Tensor pixels = rand(1, 3, 64, 64, generator: new Generator(3)), expected = trained.Encode(pixels).Patches;
            foreach (IVisionEncoder opened in new[] { PatchEncoder.FromFile(Path), PatchEncoder.FromFolder(_folder) })
            {
                using (opened)
                    Assert.InRange((opened.Encode(pixels).Patches - expected).abs().max().item<float>(), 0, 1e-4f);
            }
            using IVisionEncoder untrained = PatchEncoder.LoadResNet18();
            Assert.InRange((untrained.Encode(pixels).Patches - expected).abs().max().item<float>(), 1e-2f, float.PositiveInfinity);
        });
    }

    [Fact]
    public void Another_encoder_or_one_with_a_head_has_none()
    {
        using IVisionEncoder embedded = PatchEncoder.LoadEmbedded();
        Assert.Contains("this is another encoder", Assert.Throws<ArgumentException>(() => PatchEncoder.SaveDifference(embedded, _folder)).Message);
        using var headed = new PatchHeadEncoder((ITrainableVisionEncoder)PatchEncoder.LoadResNet18(), 8);
        Assert.Contains("without a head", Assert.Throws<ArgumentException>(() => PatchEncoder.SaveDifference(headed, _folder)).Message);
        Assert.False(File.Exists(Path));
    }

    [Theory]
    [InlineData("layer9.0.conv1.weight", "has no such tensor")]
    [InlineData("layer3.0.conv1.weight", "its shape is [2]; that of ImageNet's ResNet-18 is [256, 128, 3, 3]")]
    public void A_tensor_that_is_not_the_models_is_named(string key, string problem)
    {
        using DisposeScope scope = NewDisposeScope();
        using (IVisionEncoder trained = Train())
            PatchEncoder.SaveDifference(trained, _folder);
        IReadOnlyDictionary<string, string> metadata;
        using (var file = SafetensorsFile.Open(Path))
            metadata = new Dictionary<string, string>(file.Metadata);
        SafetensorsWriter.Write(Path, new Dictionary<string, Tensor> { [key] = ones(2) }, metadata);
        WeightsFormatException fault = Assert.Throws<WeightsFormatException>(() => PatchEncoder.FromFile(Path));
        Assert.Equal((Path, key), (fault.Path, fault.Key));
        Assert.Contains(problem, fault.Message);
    }

    [Fact]
    public void A_difference_to_another_model_is_not_added()
    {
        using DisposeScope scope = NewDisposeScope();
        SafetensorsWriter.Write(Path, new Dictionary<string, Tensor> { [Trained] = zeros(256, 256, 3, 3) },
            new Dictionary<string, string> { ["difference_to_resnet18"] = "ab" });
        Assert.Contains("what training changed of the file with SHA-256 ab;", Assert.Throws<WeightsFormatException>(() => PatchEncoder.FromFile(Path)).Message);
    }

    // One layer, as a step would.
    private static IVisionEncoder Train()
    {
        var encoder = (ResNet)PatchEncoder.LoadResNet18();
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        Tensor weight = encoder.state_dict()[Trained];
        // What bfloat16 holds, so that nothing is lost on the way.
        weight.add_(randn(weight.shape, generator: new Generator(1)).mul_(0.02f.ToScalar()).to(bfloat16).to(float32));
        return encoder;
    }
}
