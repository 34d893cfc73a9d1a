using System.Text.Json;
using PatchDpo.Torch.PatchQuality;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.PatchQuality;

/// <summary>Patch quality against the golden numbers; the cases are those that the tensors' names give.</summary>
public sealed class PatchSimilarityParityTests
{
    public static TheoryData<string> Cases()
    {
        TheoryData<string> data = [];
        using DisposeScope scope = NewDisposeScope();
        foreach (string json in Fixtures.Find("11_quality_scores", "patch_quality*.json"))
            foreach (string key in Fixtures.Tensors(Path.ChangeExtension(json, ".safetensors"))
                .Keys.Where(k => k.EndsWith(".in.f_gen", StringComparison.Ordinal)))
                data.Add(Path.GetFileNameWithoutExtension(json) + "/" + key[..^".in.f_gen".Length]);
        return data;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Quality_and_best_match_equal_the_golden_ones(string id)
    {
        using DisposeScope scope = NewDisposeScope();
        (string file, string name) = (id.Split('/')[0], id.Split('/')[1]);
        Dictionary<string, Tensor> tensors = Fixtures.Tensors(Path.Combine("11_quality_scores", file + ".safetensors"));
        JsonElement json = Fixtures.Json(Path.Combine("11_quality_scores", file + ".json"));
        // Cases made by hand have no measured tolerance; the fixtures' floor holds for them.
        double tolerance = json.GetProperty("tolerances").TryGetProperty(name + ".p", out JsonElement entry) ? entry.GetProperty("tol_abs").GetDouble() : 1e-6;
        Tensor generated = tensors[name + ".in.f_gen"], reference = tensors[name + ".in.f_ref"];

        (Tensor p, Tensor best) = PatchSimilarity.Compute(generated, reference);
        Fixtures.AssertClose(p, tensors[name + ".out.p"], tolerance, name + ".p");
        if (tensors.TryGetValue(name + ".out.argmax", out Tensor? argMax))
            Assert.True(best.equal(argMax).all().item<bool>(), $"{name}: the best matches differ.");

        (Tensor both, Tensor _) = PatchSimilarity.ComputeBoth(generated, reference);
        Fixtures.AssertClose(both, tensors[name + ".out.p"], tolerance, name + ".p of both sides");
        (Tensor _, Tensor swapped) = PatchSimilarity.ComputeBoth(reference, generated);
        Fixtures.AssertClose(swapped, tensors[name + ".out.p"], tolerance, name + ".p with the roles swapped");
    }
}
