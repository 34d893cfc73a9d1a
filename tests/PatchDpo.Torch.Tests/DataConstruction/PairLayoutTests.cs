using System.Text;
using PatchDpo.Torch.DataConstruction;
using PatchDpo.Torch.Images;

namespace PatchDpo.Torch.Tests.DataConstruction;

public class PairLayoutTests
{
    [Theory]
    [InlineData("a cat, on a white background", "a cat, on a white background")]
    [InlineData("  Bär (groß) & 熊's  ", "Bär (groß) & 熊's")]
    [InlineData("a \"cat\": 1/2 <or> C:\\d|e?*", "a -cat-- 1-2 -or- C--d-e--")]
    [InlineData("../../etc/passwd", "------etc-passwd")]
    [InlineData("snake_case v1.0", "snake-case v1-0")]
    [InlineData("con.txt", "con-txt")]
    [InlineData("tab\tline\n", "tab-line")]
    [InlineData("left\u202Eright\u2028x", "left-right-x")]
    [InlineData("???", "---")]
    public void A_prompt_becomes_a_name_that_every_file_system_takes(string prompt, string name)
    {
        Assert.Equal(name, PairLayout.SafeName(prompt));
        Assert.Equal($"pairs/sample7/{name}_entity_0.png", PairLayout.Reference(7, prompt, ImageFormat.Png));
        Assert.Equal($"pairs/sample7/{name}_gen_12.png", PairLayout.Generated(7, prompt, 12, ImageFormat.Png));
        Assert.Equal($"rejected/00003 {name} (NearDuplicate).png", PairLayout.RejectedCandidate(3, prompt, ReferenceRejection.NearDuplicate, ImageFormat.Png));
    }

    [Fact]
    public void Half_a_character_becomes_a_hyphen() => Assert.Equal("half-", PairLayout.SafeName("half\uD83D"));

    [Fact]
    public void A_long_prompt_is_cut_at_a_whole_character()
    {
        Assert.Equal(new string('x', 100), PairLayout.SafeName(new string('x', 2000)));
        string name = PairLayout.SafeName("a" + string.Concat(Enumerable.Repeat("🐻", 60)));
        Assert.Equal("a" + string.Concat(Enumerable.Repeat("🐻", 24)), name);
        Assert.Equal(97, Encoding.UTF8.GetByteCount(name));
    }

    [Theory]
    [InlineData("../x.png")]
    [InlineData("pairs/../../x.png")]
    [InlineData("pairs\\..\\..\\x.png")]
    [InlineData("/etc/passwd")]
    [InlineData("C:/x.png")]
    [InlineData("pairs/C:x.png")]
    [InlineData("pairs//x.png")]
    [InlineData("")]
    [InlineData("x\0.png")]
    public void A_manifest_cannot_lead_out_of_its_folder(string file)
    {
        PairFolderException e = Assert.Throws<PairFolderException>(() => RecordedFile.Locate("/data", file));
        Assert.Equal(("/data", file), (e.Path, e.Place));
    }
}
