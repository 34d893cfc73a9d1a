using PatchDpo.Tests;
using PatchDpo.Torch.Personalization;

namespace PatchDpo.Torch.Tests.Personalization;

/// <summary>Tiny models of both families with all three adapters, each written and loaded when a test class first asks for it.</summary>
public sealed class TinyFamilies : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("patchdpo-families-").FullName;
    private readonly Dictionary<(TinyFamily, TinyAdapter), PersonalizedModel> _models = [];

    /// <summary>Every family with every adapter, as theory data.</summary>
    public static TheoryData<TinyFamily, TinyAdapter> All()
    {
        var data = new TheoryData<TinyFamily, TinyAdapter>();
        foreach (TinyFamily family in Enum.GetValues<TinyFamily>())
            foreach (TinyAdapter adapter in Enum.GetValues<TinyAdapter>())
                data.Add(family, adapter);
        return data;
    }

    public PersonalizedModel Model(TinyFamily family, TinyAdapter adapter)
    {
        if (!_models.TryGetValue((family, adapter), out PersonalizedModel? model))
        {
            string folder = TinyPersonalizedModel.Write(
                Path.Combine(_root, $"{family}-{adapter}"), sampler: family == TinyFamily.Sd15 ? "PNDMScheduler"
                    : "EulerDiscreteScheduler", family: family, adapter: adapter);
            _models.Add((family, adapter), model = PersonalizedModel.Load(folder));
        }
        return model;
    }

    public void Dispose()
    {
        foreach (PersonalizedModel model in _models.Values)
            model.Dispose();
        Directory.Delete(_root, recursive: true);
    }
}
