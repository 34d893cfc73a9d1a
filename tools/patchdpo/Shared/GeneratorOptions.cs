using System.CommandLine;
using PatchDpo.Torch.Adapters;
using PatchDpo.Torch.Diffusion.Samplers;
using PatchDpo.Torch.Personalization;

namespace PatchDpo.Tool.Shared;

/// <summary>The options that say where the parts of a generator lie.</summary>
internal sealed class GeneratorOptions
{
    private readonly Option<string?> _adapter = new("--adapter")
    {
        Description = "An IP-Adapter (plain, Plus or Full; .safetensors or .bin), a MIP-Adapter, an adapter of MS-Diffusion, or ELITE's global_mapper.pt with "
            + "local_mapper.pt beside it; default: the "
            + "model folder's ip_adapter.safetensors or global_mapper.pt.",
    };

    private readonly Option<string?> _family = new("--family")
    {
        Description = $"{string.Join(", ", AdapterFamilies.Names.SkipLast(1))} or {AdapterFamilies.Names[^1]}: the family that reads the adapter, "
            + "where its file "
            + "does not tell; mip-adapter starts one from a plain IP-Adapter. Default: what the file tells.",
    };

    private readonly Option<string?> _imageEncoder = new("--image-encoder")
    {
        Description = "Folder of the CLIP image encoder that the adapter was trained with; default: the model folder's image_encoder.",
    };

    private readonly Option<string?> _tokenizer = new("--tokenizer")
    {
        Description = "Folder of CLIP's tokenizer (vocab.json, merges.txt); default: the model folder's. A model in one file needs it.",
    };

    private readonly Option<string?> _scheduler = new("--scheduler")
    {
        Description = $"{string.Join(", ", SamplerKinds.Names.SkipLast(1))} or {SamplerKinds.Names[^1]}; default: the one that the model names.",
    };

    public GeneratorOptions()
    {
        _scheduler.AcceptOnlyFromAmong([.. SamplerKinds.Names]);
        _family.AcceptOnlyFromAmong([.. AdapterFamilies.Names]);
    }

    /// <summary>Adds them to a command that generates, or to one that does not, which has no use for a scheduler.</summary>
    public void AddTo(Command command, bool generates)
    {
        command.Add(_adapter);
        command.Add(_family);
        command.Add(_imageEncoder);
        command.Add(_tokenizer);
        if (generates)
            command.Add(_scheduler);
    }

    /// <summary>The scheduler that was asked for, or null.</summary>
    public SamplerKind? Sampler(ParseResult arguments)
        => arguments.GetResult(_scheduler) is not null && arguments.GetValue(_scheduler) is string name ? SamplerKinds.Parse(name) : null;

    /// <summary>How the model is loaded.</summary>
    /// <param name="arguments">The command line.</param>
    /// <param name="generates">Whether a model without a sampler is of no use.</param>
    public PersonalizedModelOptions Read(ParseResult arguments, bool generates) => new()
    {
        AdapterPath = arguments.GetValue(_adapter),
        AdapterFamily = arguments.GetValue(_family),
        ImageEncoderPath = arguments.GetValue(_imageEncoder),
        TokenizerPath = arguments.GetValue(_tokenizer),
        Sampler = Sampler(arguments),
        RequiresSampler = generates,
    };
}
