using PatchDpo.Tests;
using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.Vision.Dino;
using PatchDpo.Torch.Weights.Pickle;
using PatchDpo.Torch.Weights.Safetensors;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Weights.Pickle;

/// <summary>Checkpoints as training scripts leave them: a teacher and a student, optimizer, options, and wrappers' names in the keys.</summary>
public sealed class TrainingCheckpointTests : CheckpointRefusals
{
    // As Python's pickler writes argparse.Namespace(arch="vit_small", lr=0.1, epochs=100, warm=True, sizes=[1, (2, None)], more={"a": 1}) by protocol 2.
    private static readonly byte[] Options = CheckpointSurgery.Value(Namespace(new SamplePickle().Op("}(")
        .Text("arch").Text("vit_small").Text("lr").Double(0.1).Text("epochs").Int(100).Text("warm").Raw(0x88)
        .Text("sizes").Op("](").Int(1).Tuple(2, 3).Op("e").Text("more").Op("}").Text("a").Int(1).Op("s").Op("u")));

    [Fact]
    public void DINOs_full_training_checkpoint_gives_the_teacher()
    {
        using DisposeScope scope = NewDisposeScope();
        using DinoVisionTransformer teacher = Dino(1), student = Dino(2);
        string path = Folder.File("checkpoint.pth");
        TorchCheckpointWriter.Write(path, new Dictionary<string, IReadOnlyDictionary<string, Tensor>>
        {
            ["student"] = Named(student, "module.backbone.", ("module.head.mlp.0.weight", ones(3, 2))),
            ["teacher"] = Named(teacher, "backbone.", ("head.mlp.0.weight", ones(3, 2)), ("head.last_layer.weight_g", ones(3))),
            ["optimizer"] = new Dictionary<string, Tensor> { ["exp_avg"] = ones(5) },
            ["dino_loss"] = new Dictionary<string, Tensor> { ["center"] = zeros(1, 3) },
        });
        CheckpointSurgery.AddEntry(path, "epoch", CheckpointSurgery.Value(new SamplePickle().Int(100)));
        CheckpointSurgery.AddEntry(path, "args", Options);
        AssertSame(teacher, path);
    }

    // What main_dino.py writes where its networks have batch normalisations, and what DINOv2's writes under a key of its own.
    [Theory]
    [InlineData("teacher", "module.backbone.")]
    [InlineData("teacher", "backbone.")]
    [InlineData("model", "teacher.backbone.")]
    [InlineData("state_dict", "module._orig_mod.")]
    [InlineData("model", "_orig_mod.module.")]
    [InlineData("model_state_dict", "_fsdp_wrapped_module.")]
    public void The_teacher_or_the_only_model_is_found_under_any_wrapper(string part, string prefix)
    {
        using DisposeScope scope = NewDisposeScope();
        using DinoVisionTransformer teacher = Dino(1), student = Dino(2);
        string path = Folder.File("checkpoint.pth");
        TorchCheckpointWriter.Write(path, new Dictionary<string, IReadOnlyDictionary<string, Tensor>>
        {
            [part] = prefix.StartsWith("teacher", StringComparison.Ordinal)
                ? Named(teacher, prefix).Concat(Named(student, "student.backbone.")).ToDictionary()
                : Named(teacher, prefix),
        });
        CheckpointSurgery.AddEntry(path, "args", Options);
        AssertSame(teacher, path);
    }

    [Fact]
    public void DINOv2s_training_checkpoint_keeps_its_blocks_in_chunks()
    {
        using DisposeScope scope = NewDisposeScope();
        using var model = new DinoV2VisionTransformer(new DinoV2Config { ImageSize = 32, PatchSize = 8, EmbedDim = 64, Depth = 4, NumHeads = 1,
            IntermediateSize = 256, LayerScale = 0.5 });
        string path = Folder.File("teacher_checkpoint.pth");
        TorchCheckpointWriter.Write(path, new Dictionary<string, IReadOnlyDictionary<string, Tensor>>
        {
            ["teacher"] = model.state_dict().ToDictionary(
                t => "backbone." + (t.Key.Split('.') is ["blocks", string number, .. string[] rest]
                    ? $"blocks.{(number is "0" or "1" ? 0 : 1)}.{number}.{string.Join('.', rest)}" : t.Key),
                t => t.Value).Append(new("dino_head.mlp.0.weight", ones(3, 2))).ToDictionary(),
        });
        AssertSame(model, path);
    }

    [Fact]
    public void Wrappers_within_the_keys_are_taken_out_too()
    {
        using DisposeScope scope = NewDisposeScope();
        using DinoVisionTransformer model = Dino(1);
        string path = Folder.File("checkpoint.safetensors");
        SafetensorsWriter.Write(
            path, model.state_dict().ToDictionary(t => t.Key.Replace("blocks.1.", "blocks.1._orig_mod._checkpoint_wrapped_module.", StringComparison.Ordinal),
            t => t.Value));
        AssertSame(model, path);
    }

    [Theory]
    [InlineData("module.")]
    [InlineData("_orig_mod.")]
    [InlineData("module._orig_mod.")]
    [InlineData("_orig_mod.module.")]
    [InlineData("state_dict.module.")]
    [InlineData("model.")]
    public void A_folders_weights_may_have_any_such_prefix(string prefix)
    {
        using DisposeScope scope = NewDisposeScope();
        using ITrainableVisionEncoder encoder = TinyEncoders.Create("DINOv2");
        PatchEncoder.Save(encoder, Folder.File("model"));
        string path = Path.Combine(Folder.File("model"), "model.safetensors");
        SafetensorsWriter.Write(path, ((nn.Module)encoder).state_dict().ToDictionary(t => prefix + t.Key, t => t.Value));
        using IVisionEncoder loaded = PatchEncoder.FromFolder(Folder.File("model"));
        AssertSame((nn.Module)encoder, (nn.Module)loaded);
    }

    [Fact]
    public void A_model_whose_own_keys_begin_so_keeps_them()
    {
        using DisposeScope scope = NewDisposeScope();
        using var model = new Holder();
        using var loaded = new Holder();
        Dictionary<string, Tensor> own = model.state_dict();
        Assert.All(own.Keys, k => Assert.StartsWith("module.model.", k));
        foreach (string prefix in new[] { "", "module.", "_orig_mod.", "state_dict.module._orig_mod." })
        {
            loaded.Fill();
            StateDictLoader.Load(loaded, own.ToDictionary(t => prefix + t.Key, t => t.Value), "memory");
            AssertSame(model, loaded);
        }
    }

    [Fact]
    public void A_UNet_under_Stability_AIs_names_is_told_by_its_prefix()
    {
        using DisposeScope scope = NewDisposeScope();
        using Linear linear = nn.Linear(2, 3);
        StateDictMismatchException e = Assert.Throws<StateDictMismatchException>(() => StateDictLoader.Load(
            linear, new Dictionary<string, Tensor> { ["model.diffusion_model.weight"] = ones(3, 2), ["model.diffusion_model.bias"] = ones(3) }, "memory"));
        Assert.Contains("all of its keys begin with 'model.diffusion_model.'", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_mismatch_lists_twenty_keys_of_each_kind_and_counts_the_rest()
    {
        using DisposeScope scope = NewDisposeScope();
        using Sequential layers = nn.Sequential(Enumerable.Range(0, 30).Select(i => ($"layer{i}", (nn.Module<Tensor, Tensor>)nn.Linear(2, 3))));
        StateDictMismatchException e = Assert.Throws<StateDictMismatchException>(() => StateDictLoader.Load(
            layers, Enumerable.Range(0, 45).ToDictionary(i => $"other{i}", _ => ones(1)).Append(new("layer0.bias", ones(7))).ToDictionary(), "memory"));
        Assert.Equal((59, 45, 1), (e.MissingKeys.Count, e.UnexpectedKeys.Count, e.MisshapedKeys.Count));
        string[] lines = e.Message.Split('\n', StringSplitOptions.TrimEntries);
        Assert.Equal(1 + (1 + 20 + 1) + (1 + 20 + 1) + (1 + 1), lines.Length);
        Assert.Contains("59 missing:", lines);
        Assert.Contains("and 39 more", lines);
        Assert.Contains("and 25 more", lines);
    }

    [Fact]
    public void A_callbacks_class_as_a_key_of_a_dictionary_is_only_a_name()
    {
        using DisposeScope scope = NewDisposeScope();
        string path = Folder.File("lightning.ckpt");
        TorchCheckpointWriter.Write(path, new Dictionary<string, Tensor> { ["w"] = ones(2) });
        CheckpointSurgery.AddEntry(path, "callbacks", CheckpointSurgery.Value(new SamplePickle().Op("}")
            .Global("pytorch_lightning.callbacks.model_checkpoint", "ModelCheckpoint").Op("}").Text("monitor").Text("val/loss").Op("ss")));
        using TorchCheckpoint file = TorchCheckpoint.Open(path);
        Assert.Equal(["w"], file.Keys);
        Assert.Equal("val/loss", file.Values["callbacks.pytorch_lightning.callbacks.model_checkpoint.ModelCheckpoint.monitor"]);
    }

    [Fact]
    public void Hostile_objects_in_the_options_place_are_refused()
    {
        RefusesCall(new SamplePickle().Op("}").Text("args").Global("os", "system").Text("true").Raw(0x85).Op("Rs"), "os.system");
        RefusesCall(new SamplePickle().Op("}").Text("args").Global("argparse", "Namespace").Op(")Rs"), "a call of argparse.Namespace");
        RefusesCall(new SamplePickle().Op("}").Text("args").Global("argparse", "Namespace").Text("x").Raw(0x85).Op("Rs"), "a call of argparse.Namespace");
        RefusesCall(new SamplePickle().Op("}").Text("args").Global("argparse", "Namespace").Text("x").Raw(0x85, 0x81).Op("s"), "an instance of a class");
        RefusesCall(new SamplePickle().Op("}").Text("args").Global("argparse", "Namespace").Op(")}").Raw(0x92).Op("s"), "an instance of a class");
        RefusesCall(new SamplePickle().Op("}").Text("args").Global("argparse", "ArgumentParser").Op(")").Raw(0x81).Op("s"), "argparse.ArgumentParser");
        RefusesCall(new SamplePickle().Op("}").Text("args").Global("collections", "OrderedDict").Op(")").Raw(0x81).Op("s"), "an instance of a class");
        RefusesCall(Namespace(new SamplePickle().Op("}").Text("__setstate__").Text("x").Op("s")),
            "setting the attribute __setstate__ of an argparse.Namespace");
        RefusesCall(Namespace(new SamplePickle().Op("}").Text("__class__").Text("x").Op("s")), "setting the attribute __class__ of an argparse.Namespace");
        RefusesCall(Namespace(new SamplePickle().Op("}").Int(1).Text("x").Op("s")), "setting the attribute 1 of an argparse.Namespace");
        RefusesCall(Namespace(new SamplePickle().Op("}").Text("f").Global("torch._utils", "_rebuild_tensor_v2").Op("s")),
            "setting the attribute f of an argparse.Namespace to torch._utils._rebuild_tensor_v2");
        RefusesCall(Namespace(new SamplePickle().Op("N}").Raw(0x86)), "setting the state of an argparse.Namespace from a tuple");
        RefusesCall(Namespace(new SamplePickle().Op("}")).Op("}b"), "setting the state of an argparse.Namespace twice");
        RefusesCall(Namespace(new SamplePickle().Op("}").Text("a").Global("posix", "system").Op("s")), "posix.system");
    }

    private static SamplePickle Namespace(SamplePickle state) => new SamplePickle().Global("argparse", "Namespace").Op(")").Raw(0x81)
        .Raw(CheckpointSurgery.Value(state)).Op("b");

    private static DinoVisionTransformer Dino(long seed)
    {
        random.manual_seed(seed);
        return new DinoVisionTransformer(new DinoConfig { ImageSize = 32, PatchSize = 8, EmbedDim = 64, Depth = 2, NumHeads = 1, IntermediateSize = 256 });
    }

    private static Dictionary<string, Tensor> Named(nn.Module module, string prefix, params (string Key, Tensor Value)[] others)
        => module.state_dict().Select(t => (prefix + t.Key, t.Value)).Concat(others).ToDictionary(t => t.Item1, t => t.Item2);

    private static void AssertSame(nn.Module expected, string path)
    {
        using IVisionEncoder loaded = PatchEncoder.FromFile(path);
        AssertSame(expected, (nn.Module)loaded);
    }

    private static void AssertSame(nn.Module expected, nn.Module actual)
    {
        using DisposeScope scope = NewDisposeScope();
        Dictionary<string, Tensor> values = actual.state_dict();
        Assert.Equal(expected.state_dict().Keys.Order(), values.Keys.Order());
        foreach ((string key, Tensor value) in expected.state_dict())
            Assert.True(value.equal(values[key]).all().item<bool>(), key);
    }

    /// <summary>A network whose own parts are called as wrappers and containers are.</summary>
    private sealed class Holder : nn.Module
    {
        private readonly Part module = new();

        public Holder() : base(nameof(Holder)) => RegisterComponents();

        public void Fill() => nn.init.zeros_(module.model.weight!);

        private sealed class Part : nn.Module
        {
            public readonly TorchSharp.Modules.Linear model = nn.Linear(2, 3);

            public Part() : base(nameof(Part)) => RegisterComponents();
        }
    }
}
