using PatchDpo.Torch.Weights;

namespace PatchDpo.Torch.Tests.Weights;

public sealed class StateDictPrefixTests
{
    [Fact]
    public void A_name_of_thousands_of_prefixes_costs_no_more_than_a_few()
    {
        string prefixes = string.Concat(Enumerable.Repeat("module.", 500_000));
        long before = GC.GetAllocatedBytesForCurrentThread();
        IReadOnlyDictionary<string, string>[] forms = [.. StateDictPrefix.Forms([prefixes + "weight"])];
        Assert.InRange(forms.Length, 2, 100);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1L << 30);
    }

    [Fact]
    public void Prefixes_one_in_another_come_off_one_by_one()
    {
        IReadOnlyDictionary<string, string>[] forms = [.. StateDictPrefix.Forms(["state_dict.module._orig_mod.a", "state_dict.module._orig_mod.b"])];
        Assert.Equal(["state_dict.module._orig_mod.a", "module._orig_mod.a", "_orig_mod.a", "a"], forms.Select(f => f.Keys.First()));
        Assert.Equal("state_dict.module._orig_mod.a", forms[^1]["a"]);
    }
}
