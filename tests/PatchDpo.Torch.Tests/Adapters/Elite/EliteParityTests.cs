using System.Globalization;
using System.Text.RegularExpressions;
using PatchDpo.Torch.Adapters.Elite;
using PatchDpo.Torch.Clip;
using PatchDpo.Torch.Diffusion;
using PatchDpo.Torch.Diffusion.UNet;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Adapters.Elite;

/// <summary>ELITE's parts, one after another, against the reference.</summary>
public class EliteParityTests
{
    [Fact]
    public void Every_stage_from_picture_to_noise_matches()
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        EliteFixture elite = new();
        HashSet<string> seen = [];
        IReadOnlyList<Tensor> states = elite.WholeStates;
        for (int i = 0; i < EliteMapper.Layers.Count; i++)
            Close($"vision.{EliteMapper.Layers[i]?.ToString(CultureInfo.InvariantCulture) ?? "last"}", states[i]);
        Tensor words = elite.Global.Words(states, EliteMapper.Layers.Count);
        Close("mapper.words", words);
        Tensor one = elite.Inject(elite.Global.Words(states, 1)), all = elite.Inject(words);
        Tensor unconditional = elite.Text.Encode(elite.Io["in.uncond_ids"]).LastHiddenState;
        Close("text.plain", elite.Text.Encode(elite.Io["in.input_ids"]).LastHiddenState);
        Close("text.inject_1", one);
        Close("text.inject_5", all);
        Close("text.uncond", unconditional);
        Close("local.unmasked", elite.Local.Tokens(elite.ObjectStates));
        Close("local.mask", elite.Mask);
        Tensor tokens = elite.LocalTokens();
        Close("local.tokens", tokens);
        Close("noise_pred.global_5", Predict(all, null, 1));
        Close("noise_pred.global_1", Predict(one, null, 1));
        Close("noise_pred.uncond", Predict(unconditional, null, 1));
        Close("noise_pred.local", Predict(one, tokens, 1));
        Close("noise_pred.local_lambda", Predict(one, tokens, elite.Scale));
        string[] rest = [.. elite.Io.Keys.Where(k => k.StartsWith("out.", StringComparison.Ordinal)).Select(k => k["out.".Length..]).Except(seen)];
        Assert.All(rest, name => Assert.True(name.StartsWith("attn.", StringComparison.Ordinal) || name.StartsWith("lms.", StringComparison.Ordinal), name));

        void Close(string name, Tensor actual) => elite.Close(name, actual, seen);

        Tensor Predict(Tensor text, Tensor? local, double scale) => elite.UNet.forward(elite.Io["in.sample"], elite.Io["in.timestep"], text,
            imagePrompt: new EliteAttention(elite.Layers, local, local is null ? null : elite.Index, scale));
    }

    [Fact]
    public void One_attention_alone_matches_with_one_maximum_for_the_batch()
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        EliteFixture elite = new();
        HashSet<string> seen = [];
        Dictionary<string, Tensor> weights = Fixtures.Tensors($"{EliteFixture.Folder}/attn.weights.safetensors");
        int heads = elite.Json.GetProperty("config").GetProperty("heads_attn").GetInt32();
        Tensor key = weights["to_k.weight"];
        AttentionLayer described = new(1, (int)key.shape[0], (int)key.shape[1], "attn2");
        EliteLayers layers = new([described], CPU, ScalarType.Float32);
        foreach ((string half, EliteKeysAndValues target) in new[] { ("global", layers.Global), ("local", layers.Local) })
            StateDictLoader.Load(target, weights.Where(w => w.Key.Contains("_" + half, StringComparison.Ordinal))
                .ToDictionary(w => "attn2_" + w.Key.Replace("_" + half, "", StringComparison.Ordinal), w => w.Value), "attn.weights");
        Tensor input = elite.Io["in.attn.hidden_states"], context = elite.Io["in.attn.context"], local = elite.Io["in.attn.local"];
        foreach (string name in elite.Io.Keys.Where(k => k.StartsWith("out.attn.", StringComparison.Ordinal)).Select(k => k["out.".Length..]))
        {
            int rows = name == "attn.local.row0_alone" ? 1 : (int)input.shape[0];
            double scale = name == "attn.local.lambda" ? elite.Scale : 1;
            elite.Close(name, Attend(rows, name == "attn.global" ? null : local[..rows], scale, elite.Index[..rows]), seen);
        }
        Assert.Equal(4, seen.Count);

        // In a doubled batch, rows without a placeholder change neither the others' maximum nor themselves.
        Tensor doubled = Attend(2 * (int)input.shape[0], cat([zeros_like(local), local]), elite.Scale, cat([full_like(elite.Index, -1), elite.Index]));
        elite.Close("attn.global", doubled.chunk(2)[0], seen);
        elite.Close("attn.local.lambda", doubled.chunk(2)[1], seen);

        Tensor Attend(int rows, Tensor? tokens, double scale, Tensor index)
        {
            Tensor Rows(Tensor t) => rows > t.shape[0] ? cat([t, t]) : t[..rows];
            var branch = new EliteAttention(layers, tokens, tokens is null ? null : index, scale);
            branch.Check(rows);
            CrossAttentionCall call = new(
                1, heads, upcast: false, Rows(input), Rows(context), (input.shape[1], 1), x => nn.functional.linear(x, weights["to_q.weight"]),
                _ => throw new InvalidOperationException("ELITE has keys of its own."),
                _ => throw new InvalidOperationException("ELITE has values of its own."));
            return nn.functional.linear(call.MergeHeads(branch.Attend(call)), weights["to_out.0.weight"], weights["to_out.0.bias"]);
        }
    }

    [Fact]
    public void A_batch_without_any_placeholder_has_no_local_branch()
    {
        using DisposeScope scope = NewDisposeScope();
        EliteFixture elite = new();
        Tensor text = elite.Text.Encode(elite.Io["in.uncond_ids"]).LastHiddenState;
        Tensor actual = elite.UNet.forward(elite.Io["in.sample"], elite.Io["in.timestep"], text,
            imagePrompt: new EliteAttention(elite.Layers, elite.LocalTokens(), full_like(elite.Index, -1), 1));
        elite.Close("noise_pred.uncond", actual, []);
    }

    [Fact]
    public void A_flat_pickle_in_float16_is_read_as_what_it_was_made_of()
    {
        using DisposeScope scope = NewDisposeScope();
        foreach (string file in Fixtures.Find(EliteFixture.Folder, "*_half.pt"))
        {
            // elite_tiny.local_mapper_half.pt beside elite_tiny.mapper_local.weights.safetensors
            string half = Regex.Match(file, "(local|global)_mapper").Groups[1].Value;
            string suffix = half == "local" ? "_local" : "";
            Dictionary<string, Tensor> exact = Fixtures.Tensors($"{EliteFixture.Folder}/elite_tiny.mapper{suffix}.weights.safetensors");
            using ITensorFile pickled = WeightsFile.Open(file);
            Assert.Equal(exact.Keys.Order(StringComparer.Ordinal), pickled.Keys.Order(StringComparer.Ordinal));
            Assert.All(exact, t => Assert.True(pickled.Read(t.Key).equal(t.Value.half()).all().item<bool>(), t.Key));
            EliteFixture elite = new();
            EliteLayers layers = new(elite.UNet.Config);
            EliteMapper mapper = new(elite.Vision.Config.HiddenSize, elite.Json.GetProperty("config").GetProperty("hidden").GetInt32(),
                elite.Text.Config.HiddenSize);
            EliteFile.Load((pickled, ""), mapper, layers.Local, CPU, ScalarType.Float32);
            Assert.All(mapper.state_dict().Concat(layers.Local.state_dict()),
                t => Assert.True(t.Value.equal(exact[t.Key].half().@float()).all().item<bool>(), t.Key));
        }
    }

    [Theory]
    [InlineData(-1, 1)]
    [InlineData(8, 5)]
    public void Words_that_exceed_the_text_are_refused_and_rows_without_a_place_stay(int place, int count)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor tokens = rand(1, 12, 3), words = rand(1, count, 3);
        if (place < 0)
            Assert.True(new WordInjection(words, [place]).Apply(tokens).equal(tokens).all().item<bool>());
        else
            Assert.Contains("exceed the text's 12 tokens", Assert.Throws<ArgumentException>(
                "tokens", () => new WordInjection(words, [place]).Apply(tokens)).Message, StringComparison.Ordinal);
    }
}
