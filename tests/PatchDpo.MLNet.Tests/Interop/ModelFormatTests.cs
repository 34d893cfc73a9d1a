using PatchDpo.MLNet.Interop;

namespace PatchDpo.MLNet.Tests.Interop;

public class ModelFormatTests
{
    [Fact]
    public void This_version_of_MLNET_has_every_internal_member_that_saving_and_loading_needs()
    {
        // Fails with the member's name after an update of ML.NET that moved it: then ModelFormatMembers needs a look.
        var members = new ModelFormatMembers();
        Assert.NotNull(members.LoadableClass(new ModelSignature("ABCDEFGH", "Loader"), typeof(ModelFormatTests)));
        Assert.NotNull(members.VersionInfo(new ModelSignature("ABCDEFGH", "Loader")));
        Assert.Equal(typeof(uint), members.ModelVerWritten.FieldType);
    }

    [Theory]
    [InlineData("SHORT", "Loader")]
    [InlineData("TOOLONGSIG", "Loader")]
    [InlineData("ÄBCDEFGH", "Loader")]
    [InlineData("ABCDEFGH", "")]
    [InlineData("ABCDEFGH", "ALoaderNameOfMoreThan24Ch")]
    public void Signatures_that_the_format_cannot_hold_are_refused(string model, string loader)
        => Assert.Throws<ArgumentException>(() => new ModelSignature(model, loader));
}
