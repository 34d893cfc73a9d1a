using PatchDpo.Tests;

namespace PatchDpo.Torch.Tests.Weights.Pickle;

/// <summary>Checkpoints whose pickle asks for code: each gives an exception that names the file and what was asked for, and nothing runs.</summary>
public sealed class PickleCallTests : CheckpointRefusals
{
    [Theory]
    [InlineData("os", "system")]
    [InlineData("posix", "system")]
    [InlineData("nt", "system")]
    [InlineData("__builtin__", "eval")]
    [InlineData("builtins", "exec")]
    [InlineData("builtins", "getattr")]
    [InlineData("subprocess", "Popen")]
    [InlineData("torch.nn.modules.linear", "Linear")]
    [InlineData("torch.hub", "load_state_dict_from_url")]
    [InlineData("torch", "load")]
    [InlineData("collections", "OrderedDict.fromkeys")]
    [InlineData("torch._utils", "_rebuild_tensor_v2.__globals__")]
    [InlineData("numpy", "ndarray.tofile")]
    [InlineData("__main__", "Net")]
    public void A_name_that_is_not_on_the_list_is_refused_and_not_called(string module, string name)
    {
        string marker = Folder.File("ran");
        SamplePickle Call(SamplePickle pickle) => pickle.Op("(").Text($"touch {marker}").Op("tR");
        RefusesCall(Call(new SamplePickle().Global(module, name)), $"{module}.{name}");
        RefusesCall(Call(new SamplePickle(4).Text(module).Text(name).Raw(0x93)), $"{module}.{name}");
        Assert.False(File.Exists(marker));
    }

    [Fact]
    public void Names_that_are_computed_from_the_memo_are_checked_alike()
    {
        // 'system' and 'posix' stand in the memo, and the module comes back from a tuple that was taken apart again.
        SamplePickle pickle = new SamplePickle(4).Text("system").Raw(0x94).Op("0").Text("posix").Raw(0x94).Op("0").Op("h").Raw(1).Op("h").Raw(0).Raw(0x93);
        RefusesCall(pickle, "posix.system");
        Refuses(new SamplePickle(4).Int(1).Text("system").Raw(0x93), "a name is looked up by an integer and a string");
        Refuses(new SamplePickle(4).Op(")").Op("N").Raw(0x93), "a name is looked up by a tuple and None");
    }

    [Fact]
    public void A_call_of_something_that_is_no_function_is_refused()
    {
        RefusesCall(new SamplePickle().Text("os.system").Op(")R"), "a call of a string");
        RefusesCall(new SamplePickle().Global("torch", "FloatStorage").Op(")R"), "a call of torch.FloatStorage");
        Refuses(new SamplePickle().Global("collections", "OrderedDict").Op("NR"), "a call's arguments are None");
    }

    [Theory]
    [InlineData("__setstate__")]
    [InlineData("__reduce__")]
    [InlineData("__class__")]
    public void An_attribute_of_an_OrderedDict_other_than_PyTorchs_is_refused(string attribute) =>
        RefusesCall(
            new SamplePickle().Global("collections", "OrderedDict").Op(")R").Op("}").Text(attribute).Op("Nsb"),
            $"setting the attribute {attribute} of an OrderedDict");

    [Fact]
    public void Setting_the_state_of_anything_else_is_refused()
    {
        RefusesCall(new SamplePickle().Op("}}b"), "setting the state of a dictionary");
        RefusesCall(new SamplePickle().Global("torch", "FloatStorage").Op("}b"), "setting the state of torch.FloatStorage");
        RefusesCall(new SamplePickle().Tensor("0", [4], [1]).Op("}b"), "setting the state of a tensor");
    }

    [Theory]
    [InlineData(new byte[] { (byte)'i', (byte)'a', (byte)'\n', (byte)'b', (byte)'\n' }, "an instance of a.b")]
    [InlineData(new byte[] { (byte)'(', (byte)'o' }, "an instance of a class")]
    [InlineData(new byte[] { 0x81 }, "an instance of a class")]
    [InlineData(new byte[] { 0x92 }, "an instance of a class")]
    [InlineData(new byte[] { 0x82, 1 }, "an entry of the extension registry")]
    public void Instances_of_classes_are_refused(byte[] ops, string request) => RefusesCall(new SamplePickle().Raw(ops), request);
}
