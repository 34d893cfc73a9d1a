using System.Text.Json;
using PatchDpo.Torch.Adapters.Elite;
using PatchDpo.Torch.Diffusion;
using PatchDpo.Torch.Diffusion.Schedules;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.Tests.Adapters.Elite;
using PatchDpo.Torch.Training;
using PatchDpo.Torch.Training.Data;
using PatchDpo.Torch.Training.Objectives;
using TorchSharp;
using static TorchSharp.torch;

namespace PatchDpo.Torch.Tests.Training;

/// <summary>ELITE's own two stages and PatchDPO's step on it: losses and all gradients against the reference.</summary>
public class EliteTrainingParityTests
{
    private readonly EliteFixture _elite = new();
    private readonly JsonElement _json = Fixtures.Json($"{EliteFixture.Folder}/train.json");
    private readonly Dictionary<string, Tensor> _io = Fixtures.Tensors($"{EliteFixture.Folder}/train.io.safetensors");
    private readonly NoiseSchedule _schedule;

    public EliteTrainingParityTests()
    {
        _schedule = new(NoiseScheduleConfig.FromJson(ModelConfig.Parse(_json.GetProperty("scheduler").GetRawText(), "train.json")));
        foreach (nn.Module module in new nn.Module[] { _elite.UNet, _elite.Text, _elite.Vision })
            foreach (TorchSharp.Modules.Parameter parameter in module.parameters())
                parameter.requires_grad = false;
    }

    [Fact]
    public void Stage_one_of_all_words_matches()
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor words = _elite.Global.Words(_elite.WholeStates, EliteMapper.Layers.Count);
        Tensor loss = Error(_elite.Inject(words), null).mean([1, 2, 3]).mean(), regularizer = 0.01 * words.abs().mean();
        Close("stage1.loss_mle", loss);
        Close("stage1.loss_reg", regularizer);
        (loss + regularizer).backward();
        CloseGradients("stage1.grad.", _elite.Global, _elite.Layers.Global);
    }

    [Fact]
    public void Stage_two_of_the_masked_patches_matches()
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor patches = _elite.LocalTokens(), mask = _io["in.mask_values"];
        Tensor error = Error(_elite.Inject(_elite.Global.Words(_elite.WholeStates, 1)), patches);
        // The mask has one channel and the error four, so that this is four times a mean over the object.
        Tensor loss = ((error * mask).sum([1, 2, 3]) / mask.sum([1, 2, 3])).mean();
        int[] layers = [.. _elite.UNet.Config.AttentionLayers().Where(l => l.ContextChannels is not null).Select(l => l.Index)];
        Tensor regularizer = 1e-4 * stack(layers.Select(l => _elite.Layers.Local.Project(l, patches).Value.abs().mean())).mean();
        Close("stage2.loss_mle", loss);
        Close("stage2.loss_reg", regularizer);
        (loss + regularizer).backward();
        CloseGradients("stage2.grad.", _elite.Local, _elite.Layers.Local);
    }

    [Fact]
    public void The_step_of_PatchDpo_matches()
    {
        using DisposeScope scope = NewDisposeScope();
        (TrainingStep step, Tensor loss) = PatchDpoStep();
        Close("patchdpo.noise_pred", step.Prediction);
        Close("patchdpo.loss", loss);
        loss.backward();
        CloseGradients("patchdpo.global.grad.", _elite.Global, _elite.Layers.Global);
        CloseGradients("patchdpo.local.grad.", _elite.Local, _elite.Layers.Local);
    }

    /// <summary>Those of the trained weights, which the fixture may lack, by differences.</summary>
    [Fact]
    public void The_gradient_of_what_PatchDpo_trains_is_the_slope_of_its_loss()
    {
        using DisposeScope scope = NewDisposeScope();
        PatchDpoStep().Loss.backward();
        using IDisposable noGrad = no_grad();
        TorchSharp.Modules.Parameter[] trained = [.. _elite.Layers.TrainedParameters];
        Tensor[] gradients = [.. trained.Select(p => p.grad!.clone())];
        double norm = Math.Sqrt(gradients.Sum(g => g.square().sum().item<float>()));
        const double Step = 0.02;
        double slope = (Loss(Step) - Loss(-Step)) / (2 * Step);
        Assert.InRange(slope, 0.98 * norm, 1.02 * norm);

        double Loss(double along)
        {
            Move(along);
            double loss = PatchDpoStep().Loss.item<float>();
            Move(-along);
            return loss;
        }

        void Move(double along)
        {
            foreach ((TorchSharp.Modules.Parameter parameter, Tensor gradient) in trained.Zip(gradients))
                parameter.add_(gradient * (along / norm));
        }
    }

    private (TrainingStep Step, Tensor Loss) PatchDpoStep()
    {
        var objective = new WeightedErrorObjective(TrainingObjective.PatchDpo, new(), _schedule, minSnrGamma: null);
        Tensor latents = _io["in.pair.latents"];
        TrainingBatch batch = TrainingBatch.OfPairs(
            latents, _io["in.noise"], _io["in.timesteps"], new TextConditions(_elite.Inject(_elite.Global.Words(_elite.WholeStates, 1))),
            new ImagePrompt(new Dictionary<string, Tensor>
            {
                [ElitePromptEncoder.Patches] = _elite.LocalTokens(),
                [ElitePromptEncoder.Place] = _elite.Index,
            }),
            zeros(latents.shape[0], 6), PatchDpoLoss.Weights(_io["in.pair.target_rmap"], _io["in.pair.contra_rmap"]));
        TrainingStep step = TrainingStep.Forward(
            _schedule, (x, t, c) => _elite.UNet.forward(x, t, c.Text.HiddenStates, imagePrompt: _elite.Layers.Branch(c.Image, new(1, ScalarType.Float32))),
                batch);
        return (step, objective.Loss(step, () => throw new InvalidOperationException("PatchDPO has no frozen model.")).Value);
    }

    [Fact]
    public void Every_tensor_of_the_fixture_is_compared()
        => Assert.All(_io.Keys.Where(k => k.StartsWith("out.", StringComparison.Ordinal)), k => Assert.Matches(
            @"^out\.(stage[12]\.(loss_mle|loss_reg|grad\..+)|patchdpo\.(noise_pred|loss|(global|local)\.grad\..+))$", k));

    // Of the noise, (B,C,h,w).
    private Tensor Error(Tensor text, Tensor? patches)
    {
        Tensor noise = _io["in.noise"], timesteps = _io["in.timesteps"];
        Tensor prediction = _elite.UNet.forward(_schedule.AddNoise(_io["in.latents"], noise, timesteps), timesteps, text,
            imagePrompt: new EliteAttention(_elite.Layers, patches, patches is null ? null : _elite.Index, 1));
        return (prediction - noise).square();
    }

    private void Close(string name, Tensor actual) => Fixtures.AssertClose(actual, _io["out." + name], FixtureCases.Tolerance(_json, name), name);

    // The mapper and its keys and values together are the reference's module.
    private void CloseGradients(string prefix, params nn.Module[] modules)
    {
        Dictionary<string, TorchSharp.Modules.Parameter> parameters = modules.SelectMany(m => m.named_parameters()).ToDictionary(p => p.name, p => p.parameter);
        string[] expected = [.. _io.Keys.Where(k => k.StartsWith("out." + prefix, StringComparison.Ordinal)).Select(k => k["out.".Length..])];
        Assert.NotEmpty(expected);
        foreach (string name in expected)
            Close(name, parameters[name[prefix.Length..]].grad ?? zeros_like(parameters[name[prefix.Length..]]));
    }
}
