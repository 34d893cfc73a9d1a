using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Training;

namespace PatchDpo.Torch.Tests.Foundation;

public sealed class OptionValuesTests
{
    [Fact]
    public void Values_of_a_list_count_in_their_order()
    {
        Assert.Equal("none", OptionValues.Of(new VisionEncoderOptions())[nameof(VisionEncoderOptions.PatchStages)]);
        Assert.Equal("3 4", OptionValues.Of(new VisionEncoderOptions { PatchStages = [3, 4] })[nameof(VisionEncoderOptions.PatchStages)]);
        Assert.Equal("2", OptionValues.Of(new VisionEncoderOptions { PatchStages = new List<int> { 2 } })[nameof(VisionEncoderOptions.PatchStages)]);
        Assert.Equal("1 2", OptionValues.Of(new { Sides = new[] { 1, 2 } })["Sides"]);
    }

    [Fact]
    public void Options_in_options_stand_behind_a_dot_and_what_is_ignored_does_not_count()
    {
        SortedDictionary<string, string> values = OptionValues.Of(new PatchDpoTrainerOptions { LearningRate = 0.5 }, nameof(PatchDpoTrainerOptions.Seed));
        Assert.Equal("0.5", values[nameof(PatchDpoTrainerOptions.LearningRate)]);
        Assert.Contains("Weights.Contrast", values.Keys);
        Assert.DoesNotContain(nameof(PatchDpoTrainerOptions.Seed), values.Keys);
    }
}
