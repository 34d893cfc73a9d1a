using Microsoft.ML;
using Microsoft.ML.Runtime;
using PatchDpo.MLNet.Interop;
using PatchDpo.Torch.Clip;
using PatchDpo.Torch.DataConstruction;
using PatchDpo.Torch.Encoders;
using PatchDpo.Torch.Foundation;
using PatchDpo.Torch.Models;
using PatchDpo.Torch.Personalization;
using static TorchSharp.torch;

namespace PatchDpo.MLNet;

/// <summary>Builds a folder of pairs from the prompts of a view.</summary>
internal sealed class PairBuilding(IHostEnvironment env, PersonalizedModel model, ImageEncoder encoder, PairBuildingOptions options)
{
    private readonly TextInput _prompt = new(options.PromptColumnName, options.Builder.ReferenceGeneration.MaxPromptCharacters, allowEmpty: false);

    public PairBuildSummary Run(IDataView prompts, string folder)
    {
        IReadOnlyList<string> texts = Read(prompts);
        CheckPrompts(texts);
        using IChannel channel = env.Register(nameof(PairBuilding)).Start("Building");
        channel.Info(MessageSensitivity.None, $"{options.Builder.References} references of {texts.Count} prompts, {options.Builder.GenerationsPerReference} "
            + "generated images of each");
        using OpenedEncoder opened = encoder.Open(model.Device);
        using ClipModel? clip = options.ClipFolder is null ? null : ClipModel.FromFolder(options.ClipFolder, model.Device);
        var builder = new PairBuilder(model, opened.Encoder, options.Builder, clip, Identify(opened.Encoder));
        PairBuildSummary summary = builder.Build(
            texts, folder, options.ProgressCallback is null ? null : new DirectProgress<PairBuildProgress>(
                options.ProgressCallback), options.CancellationToken);
        channel.Info(MessageSensitivity.None, $"{summary.Pairs} pairs of {summary.References} references, {summary.Candidates - summary.References} "
            + $"candidates rejected; {summary.ReusedPairs} pairs were there before");
        return summary;
    }

    private void CheckPrompts(IReadOnlyList<string> prompts)
    {
        IReadOnlyList<TruncatedPrompt> truncated = model.FindTruncatedPrompts(prompts);
        if (truncated.Count > 0 && (options.Builder.ReferenceGeneration.RefuseTruncatedPrompts || options.Builder.Generation.RefuseTruncatedPrompts))
            throw new InvalidRowException(options.PromptColumnName, truncated[0].Index!.Value, truncated[0].Reason);
        new TruncationLog(env, nameof(PairBuilding)).TellAll(options.PromptColumnName, truncated);
    }

    private List<string> Read(IDataView prompts)
    {
        using DataViewRowCursor cursor = prompts.GetRowCursor([_prompt.Find(prompts.Schema)]);
        Func<string> read = _prompt.Reader(cursor);
        var texts = new List<string>();
        while (cursor.MoveNext())
            texts.Add(read());
        return texts.Count > 0 ? texts : throw new EmptyDataException("There is no prompt to draw references from: the data have no row.");
    }

    // An encoder of one's own that is no module cannot be known again.
    private List<ModelIdentity> Identify(IVisionEncoder opened)
    {
        const string Role = "patch encoder";
        var identities = new List<ModelIdentity>();
        if (encoder.Location is string location)
            identities.Add(EncoderIdentity.FromPath(Role, location, encoder.Options));
        else if (opened is nn.Module module)
            identities.Add(EncoderIdentity.FromModule(Role, module, encoder.Options));
        if (options.ClipFolder is string clip)
            identities.Add(ModelIdentity.FromPath("CLIP", clip));
        return identities;
    }
}
