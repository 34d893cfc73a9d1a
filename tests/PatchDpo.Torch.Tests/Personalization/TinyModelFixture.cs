using PatchDpo.Tests;
using PatchDpo.Torch.Images;
using PatchDpo.Torch.Personalization;

namespace PatchDpo.Torch.Tests.Personalization;

/// <summary>A tiny model, written and loaded once for a test class.</summary>
public sealed class TinyModelFixture : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("patchdpo-model-").FullName;

    public TinyModelFixture() => Model = PersonalizedModel.Load(TinyPersonalizedModel.Write(_folder));

    public PersonalizedModel Model { get; }

    public static ImageBuffer Image(int number) => TinyPersonalizedModel.Image(number);

    public void Dispose()
    {
        Model.Dispose();
        Directory.Delete(_folder, recursive: true);
    }
}
